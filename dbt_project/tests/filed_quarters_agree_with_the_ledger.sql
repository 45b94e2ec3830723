{{ config(severity='warn') }}
-- What a company filed and what the ledger holds of the same quarter are one figure; the ledger may
-- round, and follows a restatement when somebody has read it.
with filed as (
    select * from {{ ref('fct_filed_quarter') }}
    where
        tag in ('PaymentsToAcquirePropertyPlantAndEquipment', 'PaymentsToAcquireProductiveAssets')
        and valid_to is null
),

figure as (
    select * from {{ ref('fct_financial_figure') }}
    where
        kind = 'capex_actual'
        and metric = '{{ comparable_capex_metric() }}'
        and quarter_start is not null
        and calendar_span is null
)

select
    filed.org_id,
    filed.quarter_start,
    filed.amount_usd as filed_usd,
    figure.amount_usd_base as ledger_usd,
    figure.capex_id
from filed
inner join figure
    on filed.org_id = figure.org_id and filed.quarter_start = figure.quarter_start
where abs(filed.amount_usd - figure.amount_usd_base) > filed.amount_usd * 0.005

with figure as (
    select * from {{ ref('fct_financial_figure') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

days as (
    select today as as_of_day from build
),

{{ quarters_known('figure', 'days', 'build') }},

ranked_backlog as (
    select
        *,
        row_number() over (
            partition by org_id, quarter_start
            order by period_end desc, known_on desc nulls last, capex_id
        ) as preference
    from known_figure
    where kind = 'backlog'
),

latest_backlog as (
    select * from ranked_backlog
    where preference = 1
),

quarter as (
    select org_id, quarter_start, quarter_end from preferred_capex
    union
    select org_id, quarter_start, quarter_end from latest_backlog
)

select
    quarter.org_id,
    quarter.quarter_start,
    quarter.quarter_end,
    capex.metric as capex_metric,
    capex.period_end as capex_period_end,
    capex.amount_usd_low as capex_usd_low,
    capex.amount_usd_base as capex_usd,
    capex.amount_usd_high as capex_usd_high,
    capex.metric = '{{ comparable_capex_metric() }}' as is_capex_comparable,
    backlog.metric as rpo_metric,
    backlog.period_end as rpo_on,
    backlog.amount_usd_low as rpo_usd_low,
    backlog.amount_usd_base as rpo_usd,
    backlog.amount_usd_high as rpo_usd_high,
    capex.known_on as capex_known_on,
    backlog.known_on as rpo_known_on,
    greatest(
        coalesce(capex.known_on, backlog.known_on), coalesce(backlog.known_on, capex.known_on)
    ) as known_on,
    {{ array_union(['capex.source_ids', 'backlog.source_ids']) }} as source_ids,
    {{ lower_confidence([
        'coalesce(capex.confidence, backlog.confidence)',
        'coalesce(backlog.confidence, capex.confidence)'
    ]) }} as confidence
from quarter
left join preferred_capex as capex
    on quarter.org_id = capex.org_id and quarter.quarter_start = capex.quarter_start
left join latest_backlog as backlog
    on quarter.org_id = backlog.org_id and quarter.quarter_start = backlog.quarter_start

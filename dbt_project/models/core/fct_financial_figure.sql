with figure as (
    select * from {{ ref('int_financial_figures__dated') }}
)

select
    capex_id,
    org_id,
    kind,
    metric,
    basis,
    period_end,
    quarter_start,
    quarter_end,
    calendar_span,
    fiscal_quarter,
    for_period,
    known_on,
    known_on_text,
    amount_usd_low,
    amount_usd_base,
    amount_usd_high,
    notes,
    source_ids,
    confidence
from figure

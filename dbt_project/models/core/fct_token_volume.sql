with observation as (
    select * from {{ ref('int_token_volumes__normalised') }}
)

select
    observation_id,
    org_id,
    scope,
    measure,
    level,
    basis,
    period_kind,
    period_start,
    period_end,
    period_middle,
    period_days,
    known_on,
    known_on_text,
    period_tokens_low,
    period_tokens_base,
    period_tokens_high,
    tokens_per_month_low,
    tokens_per_month_base,
    tokens_per_month_high,
    coalesce(tokens_qualifier = 'at_least', false) as is_open_ended,
    notes,
    source_ids,
    confidence
from observation

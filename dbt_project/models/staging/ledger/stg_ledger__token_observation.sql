with source as (
    select * from {{ source('raw_ledger', 'token_observation') }}
)

select
    observation_id,
    org_id,
    scope,
    measure,
    level,
    basis,
    period_kind,
    {{ period_first_day('period_of') }} as period_start,
    {{ period_last_day('period_to') }} as cumulative_end,
    period_of as period_of_text,
    period_to as period_to_text,
    {{ period_last_day('known_on') }} as known_on,
    known_on as known_on_text,
    tokens_value,
    tokens_qualifier,
    tokens_low,
    tokens_high,
    source_ids,
    confidence,
    notes,
    file,
    line
from source

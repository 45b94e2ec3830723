with source as (
    select * from {{ source('raw_ledger', 'claim') }}
)

select
    claim_id,
    title,
    said_by,
    {{ period_last_day('known_on') }} as known_on,
    known_on as known_on_text,
    measure,
    claimed_value,
    claimed_qualifier,
    claimed_low,
    claimed_high,
    unit,
    org_id,
    {{ period_first_day('span_from') }} as span_from,
    {{ period_last_day('span_from') }} as span_first_period_end,
    {{ period_first_day('span_to') }} as span_last_period_start,
    {{ period_last_day('span_to') }} as span_to,
    span_from as span_from_text,
    span_to as span_to_text,
    source_ids,
    disputed_by,
    confidence,
    notes,
    file,
    line
from source

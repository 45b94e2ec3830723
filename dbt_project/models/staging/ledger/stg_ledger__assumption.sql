with source as (
    select * from {{ source('raw_ledger', 'assumption') }}
)

select
    assumption_id,
    topic,
    metric,
    org_id,
    value,
    low,
    high,
    unit,
    as_of as as_of_text,
    {{ period_last_day('coalesce(known_on, as_of)') }} as known_on,
    known_on as known_on_text,
    basis,
    source_ids,
    confidence,
    notes,
    file,
    line
from source

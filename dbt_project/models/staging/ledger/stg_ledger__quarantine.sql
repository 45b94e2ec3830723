with source as (
    select * from {{ source('raw_ledger', 'quarantine') }}
)

select
    record_kind,
    record_id,
    file,
    line,
    field,
    rule,
    severity,
    raw_text,
    message,
    remedy
from source

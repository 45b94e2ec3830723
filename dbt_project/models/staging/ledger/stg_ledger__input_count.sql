with source as (
    select * from {{ source('raw_ledger', 'input_count') }}
)

select
    record_kind,
    received,
    accepted,
    quarantined
from source

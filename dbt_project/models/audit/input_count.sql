with input_count as (
    select * from {{ ref('stg_ledger__input_count') }}
)

select
    record_kind,
    received,
    accepted,
    quarantined
from input_count

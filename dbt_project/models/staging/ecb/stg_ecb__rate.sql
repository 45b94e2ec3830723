with source as (
    select * from {{ source('raw_ecb', 'rate') }}
)

select
    rate_on,
    currency,
    units_per_euro,
    snapshot_id,
    cast(as_of as date) as as_of_day,
    confidence
from source

with source as (
    select * from {{ source('raw_token_prices', 'price') }}
)

select
    listing,
    provider,
    model_id,
    from_day,
    change_number,
    listed_until,
    input_usd_per_mtok,
    output_usd_per_mtok,
    cache_read_usd_per_mtok,
    is_tiered,
    snapshot_id,
    cast(as_of as date) as as_of_day,
    confidence
from source

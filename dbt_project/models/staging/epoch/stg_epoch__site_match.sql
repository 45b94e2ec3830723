with source as (
    select * from {{ source('raw_epoch', 'site_match') }}
)

select
    site_name,
    deal_id,
    cause,
    note
from source

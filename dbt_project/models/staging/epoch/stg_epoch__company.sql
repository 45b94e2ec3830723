with source as (
    select * from {{ source('raw_epoch', 'company') }}
)

select
    company,
    org_id
from source

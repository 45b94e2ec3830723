with source as (
    select * from {{ source('raw_openrouter', 'maker') }}
)

select
    maker,
    org_id
from source

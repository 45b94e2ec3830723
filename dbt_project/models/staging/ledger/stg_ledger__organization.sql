with source as (
    select * from {{ source('raw_ledger', 'organization') }}
)

select
    org_id,
    name,
    kind,
    country,
    ticker,
    cik,
    file,
    line
from source

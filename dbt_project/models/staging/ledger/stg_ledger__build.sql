with source as (
    select * from {{ source('raw_ledger', 'build') }}
)

select today from source

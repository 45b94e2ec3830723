with today as (
    select today as as_of_day from {{ ref('stg_ledger__build') }}
)

{{ deals_on('today') }}

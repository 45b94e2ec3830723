with spend as (
    select * from {{ ref('int_spend__on_days') }}
),

today as (
    select today from {{ ref('stg_ledger__build') }}
)

select
    {{ spend_columns() }}
from spend
inner join today
    on spend.as_of_day = today.today

with capacity as (
    select * from {{ ref('int_capacity__on_days') }}
),

today as (
    select today from {{ ref('stg_ledger__build') }}
)

select
    {{ capacity_columns() }}
from capacity
inner join today
    on capacity.as_of_day = today.today

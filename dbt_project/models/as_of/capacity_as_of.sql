{{ config(arguments=['day']) }}

with days as (
    select cast(day as date) as as_of_day
),

{{ standing('days') }},

{{ capacity_panel() }}

select
    {{ capacity_columns() }}
from capacity_customer

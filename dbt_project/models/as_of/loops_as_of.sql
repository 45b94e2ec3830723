{{ config(arguments=['day']) }}

with days as (
    select cast(day as date) as as_of_day
),

{{ standing('days') }},

{{ money_flows() }},

{{ loops_panel() }}

select
    {{ loop_columns() }}
from capital_loop

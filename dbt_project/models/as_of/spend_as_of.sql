{{ config(arguments=['day']) }}

with days as (
    select cast(day as date) as as_of_day
),

{{ standing('days') }},

{{ capacity_panel() }},

{{ money_flows() }},

{{ spend_panel() }}

select
    {{ spend_columns() }}
from spend_customer

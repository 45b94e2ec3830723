with days as (
    select today as as_of_day from {{ ref('stg_ledger__build') }}
),

{{ standing('days') }},

{{ money_flows() }},

{{ loops_panel() }}

select
    {{ loop_columns() }}
from capital_loop

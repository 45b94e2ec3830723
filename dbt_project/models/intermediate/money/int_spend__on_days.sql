with days as (
    select as_of_day from {{ ref('int_panel__days') }}
),

{{ standing('days') }},

{{ capacity_panel() }},

{{ money_flows() }},

{{ spend_panel() }}

select
    as_of_day,
    {{ spend_columns() }}
from spend_customer

with days as (
    select as_of_day from {{ ref('int_panel__days') }}
),

{{ standing('days') }},

{{ capacity_panel() }}

select
    as_of_day,
    {{ capacity_columns() }}
from capacity_customer

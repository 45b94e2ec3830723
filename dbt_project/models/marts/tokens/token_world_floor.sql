with series_month as (
    select * from {{ ref('int_token_floor__by_series') }}
    where asked = 'now'
)

select
    month,
    {{ floor_columns() }}
from series_month
group by month

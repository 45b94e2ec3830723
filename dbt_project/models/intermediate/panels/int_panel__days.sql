with build as (
    select today from {{ ref('stg_ledger__build') }}
),

first_event as (
    select min(known_on) as known_on from {{ ref('int_deal_events__bounded') }}
),

calendar as (
    select * from {{ ref('int_calendar__months') }}
),

claim as (
    select * from {{ ref('stg_ledger__claim') }}
),

month_end as (
    select calendar.month_end as as_of_day
    from calendar
    cross join build
    cross join first_event
    where calendar.month_end >= first_event.known_on and calendar.month_end <= build.today
),

asked as (
    select as_of_day, 1 as is_month_end, 0 as is_today from month_end
    union all
    select today as as_of_day, 0 as is_month_end, 1 as is_today from build
    union all
    select claim.known_on as as_of_day, 0 as is_month_end, 0 as is_today
    from claim
    inner join build
        on claim.known_on <= build.today
)

select
    as_of_day,
    max(is_month_end) = 1 as is_month_end,
    max(is_today) = 1 as is_today
from asked
group by as_of_day

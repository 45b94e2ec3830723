-- Past months as known at their end, months to come as known today (S10).
with build as (
    select today from {{ ref('stg_ledger__build') }}
),

calendar as (
    select
        calendar.month_index,
        calendar.month,
        case when calendar.month_end < build.today then calendar.month_end else build.today end as as_of_day
    from {{ ref('int_calendar__months') }} as calendar
    cross join build
    cross join (
        select min(known_on) as known_on from {{ ref('int_deal_events__bounded') }}
    ) as first_event
    where
        calendar.month_end >= first_event.known_on
        and calendar.month_index <= {{ month_index('build.today') }} + 36
),

days as (
    select distinct as_of_day from calendar
),

{{ standing('days') }},

{{ schedule_panel() }},

{{ scheduled_by_month('calendar') }},

capacity as (
    select * from {{ ref('int_capacity__on_days') }}
    where customer_id = 'all' and layer = 'net'
)

select
    calendar.month,
    capacity.total_gw_base as announced_gw,
    capacity.firm_gw_base as firm_gw,
    capacity.online_gw_base as online_gw,
    cast(coalesce(scheduled_net.scheduled_base, 0) as {{ gw_type() }}) as scheduled_gw,
    capacity.source_ids,
    capacity.confidence
from calendar
left join capacity
    on calendar.as_of_day = capacity.as_of_day
left join scheduled_net
    on calendar.as_of_day = scheduled_net.as_of_day and calendar.month_index = scheduled_net.month_index

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

-- What is scheduled to run by the end of each month, netted as the contracts that promise it.
scheduled_item as {{ materialized() }} (
    select
        calendar.as_of_day,
        calendar.month_index,
        deal.layer,
        piece.deal_id,
        {% for bound in ['low', 'base', 'high'] %}
        cast(sum(
            cast(piece.piece_{{ bound }} as double)
            * (least(piece.to_month, calendar.month_index) - piece.from_month + 1)
            / (piece.to_month - piece.from_month + 1)
        ) as {{ gw_type() }}) as own_{{ bound }}{{ ',' if not loop.last }}
        {% endfor %}
    from schedule_piece as piece
    inner join calendar
        on piece.as_of_day = calendar.as_of_day and piece.from_month <= calendar.month_index
    inner join standing as deal
        on piece.deal_id = deal.deal_id and piece.as_of_day = deal.as_of_day
    where deal.layer in ('site', 'chips', 'cloud')
    group by calendar.as_of_day, calendar.month_index, deal.layer, piece.deal_id
),

{{ netting('scheduled', 'scheduled_item', 'gw', ['as_of_day', 'month_index', 'layer']) }},

scheduled_net as (
    select
        month_index,
        max(total_base) as scheduled_gw
    from scheduled_total
    group by month_index
),

capacity as (
    select * from {{ ref('int_capacity__on_days') }}
    where customer_id = 'all' and layer = 'net'
)

select
    calendar.month,
    capacity.total_gw_base as announced_gw,
    capacity.firm_gw_base as firm_gw,
    capacity.online_gw_base as online_gw,
    cast(coalesce(scheduled_net.scheduled_gw, 0) as {{ gw_type() }}) as scheduled_gw,
    capacity.source_ids,
    capacity.confidence
from calendar
left join capacity
    on calendar.as_of_day = capacity.as_of_day
left join scheduled_net
    on calendar.month_index = scheduled_net.month_index

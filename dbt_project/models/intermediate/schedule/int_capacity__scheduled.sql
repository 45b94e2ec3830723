with days as (
    select today as as_of_day from {{ ref('stg_ledger__build') }}
),

calendar as (
    select * from {{ ref('int_calendar__months') }}
),

{{ standing('days') }},

{{ schedule_panel() }}

select
    piece.deal_id,
    calendar.month,
    piece.basis,
    {% for bound in ['low', 'base', 'high'] %}
    sum({{ month_share('piece.piece_' ~ bound, 'calendar.month_index', 'piece.from_month', 'piece.to_month', gw_type()) }})
        as added_gw_{{ bound }}{{ ',' if not loop.last }}
    {% endfor %}
from schedule_piece as piece
inner join calendar
    on calendar.month_index between piece.from_month and piece.to_month
group by piece.deal_id, calendar.month, piece.basis

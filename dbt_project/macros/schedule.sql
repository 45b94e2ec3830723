{# S8: when capacity comes online, on the days of a panel. Adds, after `standing`:
    schedule_piece   one row per day, deal and piece: a phase (stated) or the remainder (spread), with
                     the range of months over which it comes evenly
    schedule_deal    one row per day and deal with a headline: headline, scheduled and unscheduled

The phases of a deal are held inside its headline, bound by bound and in their order, so that what
is scheduled never exceeds what was announced. A phase without a period, or without a capacity,
cannot be placed: its share is part of the remainder. #}
{% macro schedule_panel() %}
dated_phase as (
    select
        deal.as_of_day,
        deal.deal_id,
        phase.phase_seq,
        {{ month_index('coalesce(phase.online_on, phase.promised_from)') }} as from_month,
        {{ month_index('coalesce(phase.online_until, phase.promised_to)') }} as to_month,
        {% for bound in ['low', 'base', 'high'] %}
        phase.capacity_gw_{{ bound }} as phase_{{ bound }},
        deal.capacity_gw_{{ bound }} as headline_{{ bound }},
        sum(phase.capacity_gw_{{ bound }}) over (
            partition by deal.as_of_day, deal.deal_id order by phase.phase_seq
            rows between unbounded preceding and current row
        ) as so_far_{{ bound }}{{ ',' if not loop.last }}
        {% endfor %}
    from standing as deal
    inner join {{ published('fct_deal_phase') }} as phase
        on
            deal.deal_id = phase.deal_id
            and {{ holds_on('deal.as_of_day', 'phase.known_on', 'phase.valid_to') }}
    where
        phase.capacity_gw_base is not null
        and coalesce(phase.online_on, phase.promised_from) is not null
        and deal.capacity_gw_base is not null
),

placed_phase as {{ materialized() }} (
    select
        as_of_day,
        deal_id,
        phase_seq,
        from_month,
        to_month,
        {% for bound in ['low', 'base', 'high'] %}
        least(so_far_{{ bound }}, headline_{{ bound }})
        - least(so_far_{{ bound }} - phase_{{ bound }}, headline_{{ bound }}) as piece_{{ bound }}{{ ',' if not loop.last }}
        {% endfor %}
    from dated_phase
),

placed_sum as (
    select
        as_of_day,
        deal_id,
        max(to_month) as last_month,
        sum(piece_low) as placed_low,
        sum(piece_base) as placed_base,
        sum(piece_high) as placed_high
    from placed_phase
    group by as_of_day, deal_id
),

remainder as {{ materialized() }} (
    select
        deal.as_of_day,
        deal.deal_id,
        coalesce(placed.last_month + 1, {{ month_index('deal.starts_on') }}) as from_month,
        {{ month_index('deal.ends_on') }} as to_month,
        {% for bound in ['low', 'base', 'high'] %}
        deal.capacity_gw_{{ bound }} as headline_{{ bound }},
        coalesce(placed.placed_{{ bound }}, 0) as placed_{{ bound }},
        deal.capacity_gw_{{ bound }} - coalesce(placed.placed_{{ bound }}, 0) as piece_{{ bound }}{{ ',' if not loop.last }}
        {% endfor %}
    from standing as deal
    left join placed_sum as placed
        on deal.deal_id = placed.deal_id and deal.as_of_day = placed.as_of_day
    where deal.capacity_gw_base is not null
),

schedule_piece as {{ materialized() }} (
    select
        as_of_day, deal_id, 'stated' as basis, from_month, to_month, piece_low, piece_base, piece_high
    from placed_phase
    union all
    select
        as_of_day, deal_id, 'spread' as basis, from_month, to_month, piece_low, piece_base, piece_high
    from remainder
    where from_month <= to_month and (piece_low > 0 or piece_base > 0 or piece_high > 0)
),

schedule_deal as (
    select
        as_of_day,
        deal_id,
        {% for bound in ['low', 'base', 'high'] %}
        headline_{{ bound }},
        placed_{{ bound }} + case when from_month <= to_month then piece_{{ bound }} else 0 end
            as scheduled_{{ bound }},
        case when from_month <= to_month then 0 else piece_{{ bound }} end
            as unscheduled_{{ bound }}{{ ',' if not loop.last }}
        {% endfor %}
    from remainder
)
{% endmacro %}

{# S8, S5: what is scheduled to run by the end of a month, netted as the contracts that promise it,
of the largest compute layer. Reads `calendar` (as_of_day, month_index) and, after `schedule_panel`,
adds
    scheduled_net  one row per day and month: scheduled_low, scheduled_base, scheduled_high #}
{% macro scheduled_by_month(calendar) %}
scheduled_item as {{ materialized() }} (
    select
        asked.as_of_day,
        asked.month_index,
        deal.layer,
        piece.deal_id,
        {% for bound in ['low', 'base', 'high'] %}
        cast(sum(
            cast(piece.piece_{{ bound }} as double)
            * (least(piece.to_month, asked.month_index) - piece.from_month + 1)
            / (piece.to_month - piece.from_month + 1)
        ) as {{ gw_type() }}) as own_{{ bound }}{{ ',' if not loop.last }}
        {% endfor %}
    from schedule_piece as piece
    inner join {{ calendar }} as asked
        on piece.as_of_day = asked.as_of_day and piece.from_month <= asked.month_index
    inner join standing as deal
        on piece.deal_id = deal.deal_id and piece.as_of_day = deal.as_of_day
    where deal.layer in ('site', 'chips', 'cloud')
    group by asked.as_of_day, asked.month_index, deal.layer, piece.deal_id
),

{{ netting('scheduled', 'scheduled_item', 'gw', ['as_of_day', 'month_index', 'layer']) }},

scheduled_net as (
    select
        as_of_day,
        month_index,
        max(total_low) as scheduled_low,
        max(total_base) as scheduled_base,
        max(total_high) as scheduled_high
    from scheduled_total
    group by as_of_day, month_index
)
{% endmacro %}

{# The part of an amount that falls into one of the months over which it is spread evenly. Rounding
the running sum, not each month, makes the months add up to the amount exactly. #}
{% macro month_share(amount, month, from_month, to_month, type) -%}
{%- set months = '(' ~ to_month ~ ' - ' ~ from_month ~ ' + 1)' -%}
cast(
            cast(cast({{ amount }} as double) * ({{ month }} - {{ from_month }} + 1) / {{ months }} as {{ type }})
            - cast(cast({{ amount }} as double) * ({{ month }} - {{ from_month }}) / {{ months }} as {{ type }})
            as {{ type }}
        )
{%- endmacro %}

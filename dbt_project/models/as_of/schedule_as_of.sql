{{ config(arguments=['days']) }}

with asked_day as {{ materialized() }} (
    select distinct unnest(days) as as_of_day
),

{{ standing('asked_day') }},

{{ schedule_panel() }},

month as (
    select
        asked_day.as_of_day,
        cast(number.months as integer) + {{ month_index('asked_day.as_of_day') }} as month_index,
        {{ add_months("cast(date_trunc('month', asked_day.as_of_day) as date)", 'cast(number.months as integer)') }} as month
    from asked_day
    cross join range(0, 61) as number (months)
),

{{ scheduled_by_month('month') }}

select
    month.as_of_day,
    month.month,
    cast(coalesce(scheduled_net.scheduled_low, 0) as {{ gw_type() }}) as scheduled_gw_low,
    cast(coalesce(scheduled_net.scheduled_base, 0) as {{ gw_type() }}) as scheduled_gw_base,
    cast(coalesce(scheduled_net.scheduled_high, 0) as {{ gw_type() }}) as scheduled_gw_high
from month
left join scheduled_net
    on month.as_of_day = scheduled_net.as_of_day and month.month_index = scheduled_net.month_index

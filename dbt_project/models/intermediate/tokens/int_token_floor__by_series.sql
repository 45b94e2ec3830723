{%- set series = ['as_of_day', 'org_id', 'scope', 'measure'] -%}
with observation as (
    select * from {{ ref('fct_token_volume') }}
    where level = 'provider_total' and basis = 'stated'
),

calendar as (
    select * from {{ ref('int_calendar__months') }}
),

build as (
    select
        today,
        {{ month_index('today') }} as month_index
    from {{ ref('stg_ledger__build') }}
),

-- A month is asked about as known today, and one that is over as known at its end too.
asked as (
    select
        'now' as asked,
        build.today as as_of_day,
        calendar.month,
        calendar.month_index
    from calendar
    cross join build
    where calendar.month_index <= build.month_index + {{ months_carried() }}
    union all
    select
        'then' as asked,
        calendar.month_end as as_of_day,
        calendar.month,
        calendar.month_index
    from calendar
    inner join build
        on calendar.month_end < build.today
),

as_of as (
    select distinct as_of_day from asked
),

known_total as (
    select
        as_of.as_of_day,
        observation.*
    from as_of
    inner join observation
        on as_of.as_of_day >= observation.known_on
),

{{ token_neighbours('known_total', keys=['as_of_day']) }},

{{ token_months('token_neighbour', 'calendar', keys=['as_of_day']) }},

held_month as (
    select *
    from token_month
    where month_index <= {{ month_index('as_of_day') }}
),

-- A silent series stays at its last value for a while.
ranked_month as (
    select
        asked.asked,
        asked.month,
        asked.month_index as asked_month_index,
        held_month.*,
        row_number() over (
            partition by asked.asked, asked.month, {{ columns_of('held_month', series) }}
            order by held_month.month_index desc
        ) as months_back
    from asked
    inner join held_month
        on
            asked.as_of_day = held_month.as_of_day
            and asked.month_index
            between held_month.month_index and held_month.month_index + {{ months_carried() }}
)

select
    asked,
    org_id,
    scope,
    measure,
    month,
    tokens_per_month_low,
    tokens_per_month_base,
    tokens_per_month_high,
    is_estimated,
    month_index < asked_month_index as is_carried,
    source_ids,
    confidence
from ranked_month
where months_back = 1

with observation as (
    select * from {{ ref('fct_token_volume') }}
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

stated_total as (
    select observation.*
    from observation
    inner join build
        on observation.known_on <= build.today
    where observation.level = 'provider_total' and observation.basis = 'stated'
),

{{ token_neighbours('stated_total') }},

{{ token_months('token_neighbour', 'calendar') }},

held_month as (
    select token_month.*
    from token_month
    inner join build
        on token_month.month_index <= build.month_index
),

ranked_month as (
    select
        *,
        row_number() over (
            partition by org_id, scope, measure order by month_index desc
        ) as months_back
    from held_month
),

latest_month as (
    select * from ranked_month
    where months_back = 1
),

carried_month as (
    select
        latest_month.org_id,
        latest_month.scope,
        latest_month.measure,
        latest_month.level,
        ahead.month_index,
        latest_month.tokens_per_month_low,
        latest_month.tokens_per_month_base,
        latest_month.tokens_per_month_high,
        latest_month.is_estimated,
        latest_month.source_ids,
        latest_month.confidence
    from latest_month
    {{ unnest_array(
        integers_between(
            'latest_month.month_index + 1', 'latest_month.month_index + ' ~ months_carried()
        ), 'ahead', 'month_index'
    ) }}
),

series_month as (
    select *, false as is_carried from held_month
    union all
    select *, true as is_carried from carried_month
),

-- An organisation's own totals contain one another, so one of its series speaks for it.
ranked_series as (
    select
        *,
        row_number() over (
            partition by org_id, month_index
            order by
                case measure when 'processed' then 1 when 'consumed' then 2 else 3 end,
                tokens_per_month_base desc,
                scope
        ) as preference
    from series_month
),

widest_series as (
    select * from ranked_series
    where preference = 1
)

select
    widest_series.org_id,
    widest_series.scope,
    widest_series.measure,
    calendar.month,
    widest_series.tokens_per_month_low,
    widest_series.tokens_per_month_base,
    widest_series.tokens_per_month_high,
    widest_series.is_estimated,
    widest_series.is_carried,
    widest_series.source_ids,
    widest_series.confidence
from widest_series
inner join calendar
    on widest_series.month_index = calendar.month_index

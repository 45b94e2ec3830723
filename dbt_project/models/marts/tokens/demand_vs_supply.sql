with floor_series as (
    select * from {{ ref('int_token_floor__by_series') }}
),

floor_month as (
    select
        asked,
        month,
        {{ floor_columns() }}
    from floor_series
    group by asked, month
),

capacity as (
    select * from {{ ref('int_capacity__by_month') }}
),

assumption as (
    select * from {{ ref('dim_scenario') }}
),

calendar as (
    select * from {{ ref('int_calendar__months') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

asked_month as (
    select
        calendar.month,
        calendar.month_end,
        -- A month that is over was judged by what was known at its end.
        case when calendar.month_end < build.today then calendar.month_end else build.today end
            as as_of_day,
        case when calendar.month_end < build.today then 'then' else 'now' end as asked
    from calendar
    cross join build
    cross join (select min(month) as month from floor_month) as first_month
    where
        calendar.month >= first_month.month
        and calendar.month_index <= {{ month_index('build.today') }} + 12
),

scenario_input as (
    select
        joules.scenario,
        joules.value as joules_per_token,
        pue.value as pue,
        case when joules.known_on < pue.known_on then pue.known_on else joules.known_on end
            as known_on,
        {{ array_union(['joules.source_ids', 'pue.source_ids']) }} as source_ids,
        {{ lower_confidence(['joules.confidence', 'pue.confidence']) }} as confidence
    from assumption as joules
    inner join assumption as pue
        on joules.scenario = pue.scenario and pue.metric = 'pue'
    inner join build
        on joules.known_on <= build.today and pue.known_on <= build.today
    where joules.metric = 'joules_per_token'
),

scenario as (
    select * from (values ('low'), ('base'), ('high')) as scenario_table (scenario)
),

asked as (
    select
        asked_month.month,
        scenario.scenario,
        floor_month.tokens_per_month_low,
        floor_month.tokens_per_month_base,
        floor_month.tokens_per_month_high,
        floor_month.carried_share,
        input.joules_per_token,
        input.pue,
        input.known_on as scenario_known_on,
        input.known_on <= asked_month.as_of_day as is_scenario_known,
        today_floor.tokens_per_month_base as tokens_per_month_hindsight,
        {{ gw_of_tokens('floor_month.tokens_per_month_base', 'input.joules_per_token', 'input.pue') }}
            as gw,
        {{ gw_of_tokens('today_floor.tokens_per_month_base', 'input.joules_per_token', 'input.pue') }}
            as gw_hindsight,
        capacity.announced_gw,
        capacity.firm_gw,
        capacity.scheduled_gw,
        capacity.online_gw,
        {{ array_union(['floor_month.source_ids', 'today_floor.source_ids', 'input.source_ids', 'capacity.source_ids']) }}
            as source_ids,
        {{ lower_confidence([
            "coalesce(floor_month.confidence, 'high')",
            "coalesce(today_floor.confidence, 'high')",
            "coalesce(input.confidence, 'high')",
            "coalesce(capacity.confidence, 'high')"
        ]) }} as confidence
    from asked_month
    cross join scenario
    left join floor_month
        on asked_month.month = floor_month.month and asked_month.asked = floor_month.asked
    left join floor_month as today_floor
        on asked_month.month = today_floor.month and today_floor.asked = 'now'
    left join scenario_input as input
        on scenario.scenario = input.scenario
    left join capacity
        on asked_month.month = capacity.month
)

select
    month,
    scenario,
    tokens_per_month_low,
    tokens_per_month_base as tokens_per_month,
    tokens_per_month_high,
    tokens_per_month_hindsight,
    carried_share,
    joules_per_token,
    pue,
    scenario_known_on,
    case when is_scenario_known then gw end as required_gw,
    gw_hindsight as required_gw_hindsight,
    announced_gw,
    firm_gw,
    scheduled_gw,
    online_gw,
    source_ids,
    confidence
from asked

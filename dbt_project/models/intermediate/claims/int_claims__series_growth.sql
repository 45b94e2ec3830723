with claim_day as (
    select
        *,
        {{ middle_between('span_from', 'span_first_period_end') }}
            as span_from_middle,
        {{ middle_between('span_last_period_start', 'span_to') }}
            as span_to_middle
    from {{ ref('int_claims__days') }}
    where measure = 'token_growth_factor' and span_from is not null
),

observation as (
    select * from {{ ref('fct_token_volume') }}
    where tokens_per_month_base is not null
),

clock as (
    select 'from' as side
    union all
    select 'to' as side
),

candidate as (
    select
        claim_day.claim_id,
        claim_day.asked,
        clock.side,
        observation.*,
        abs({{ days_between(
            "observation.period_middle",
            "case clock.side when 'from' then claim_day.span_from_middle"
            ~ " else claim_day.span_to_middle end"
        ) }}) as days_off
    from claim_day
    cross join clock
    inner join observation
        on
            observation.known_on <= claim_day.as_of_day
            and (claim_day.org_id is null or observation.org_id = claim_day.org_id)
),

ranked as (
    select
        *,
        row_number() over (
            partition by claim_id, asked, side, org_id, scope, measure
            order by days_off, period_days, known_on desc, observation_id desc
        ) as preference
    from candidate
    where days_off <= {{ claim_span_tolerance_days() }}
),

nearest_observation as (
    select * from ranked
    where preference = 1
)

{% set days = days_between('earlier.period_middle', 'later.period_middle') -%}
{%- set growth = log_growth('earlier.tokens_per_month_base', 'later.tokens_per_month_base') -%}
select
    earlier.claim_id,
    earlier.asked,
    earlier.org_id,
    earlier.scope,
    earlier.measure,
    earlier.level,
    earlier.observation_id as from_observation_id,
    later.observation_id as to_observation_id,
    earlier.period_middle as from_on,
    later.period_middle as to_on,
    {{ days }} as days,
    earlier.tokens_per_month_base as from_tokens_per_month,
    later.tokens_per_month_base as to_tokens_per_month,
    {{ yearly_factor(growth, days) }} as yearly_growth_factor,
    earlier.basis not in ('stated', 'measured')
    or later.basis not in ('stated', 'measured') as rests_on_derived,
    {{ array_union(['earlier.source_ids', 'later.source_ids']) }} as source_ids,
    {{ lower_confidence(['earlier.confidence', 'later.confidence']) }} as confidence
from nearest_observation as earlier
inner join nearest_observation as later
    on
        earlier.claim_id = later.claim_id
        and earlier.asked = later.asked
        and earlier.org_id = later.org_id
        and earlier.scope = later.scope
        and earlier.measure = later.measure
        and earlier.period_end < later.period_start
where earlier.side = 'from' and later.side = 'to'

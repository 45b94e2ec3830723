{{ config(arguments=['asked_observation_id', 'other_observation_id']) }}

with observation as (
    select * from {{ published('fct_token_volume') }}
),

-- The earlier of the two comes first, whichever is asked for first.
pair as (
    select
        earlier.observation_id as from_observation_id,
        later.observation_id as to_observation_id,
        earlier.period_middle as from_on,
        later.period_middle as to_on,
        {{ days_between('earlier.period_middle', 'later.period_middle') }} as days,
        earlier.tokens_per_month_base as from_tokens_per_month,
        later.tokens_per_month_base as to_tokens_per_month,
        case
            when earlier.org_id <> later.org_id then 'two organisations: two series'
            when earlier.scope <> later.scope then 'two scopes of one organisation: two series'
            when earlier.measure <> later.measure then 'two measures: two series'
            when earlier.measure = 'peak_processed' then 'a peak rate is never normalised'
            when earlier.period_end >= later.period_start then 'their periods overlap'
            when earlier.tokens_per_month_base = 0 or later.tokens_per_month_base = 0
                then 'one of the two is zero'
        end as reason,
        {{ array_union(['earlier.source_ids', 'later.source_ids']) }} as source_ids,
        {{ lower_confidence(['earlier.confidence', 'later.confidence']) }} as confidence
    from observation as earlier
    inner join observation as later
        on
            earlier.observation_id in (asked_observation_id, other_observation_id)
            and later.observation_id in (asked_observation_id, other_observation_id)
            and earlier.observation_id <> later.observation_id
            and (
                earlier.period_start < later.period_start
                or (
                    earlier.period_start = later.period_start
                    and earlier.observation_id < later.observation_id
                )
            )
),

compared as (
    select
        *,
        case
            when reason is null
                then {{ log_growth('from_tokens_per_month', 'to_tokens_per_month') }}
        end as log_growth
    from pair
)

select
    from_observation_id,
    to_observation_id,
    from_on,
    to_on,
    days,
    from_tokens_per_month,
    to_tokens_per_month,
    case
        when reason is null then to_tokens_per_month / nullif(from_tokens_per_month, 0)
    end as ratio,
    {{ yearly_factor('log_growth', 'days') }} as yearly_growth_factor,
    case when log_growth > 0 then days * ln(2) / log_growth end as doubling_days,
    reason,
    source_ids,
    confidence
from compared

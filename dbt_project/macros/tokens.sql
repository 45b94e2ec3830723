{# S9: token volumes. #}

{% macro days_a_month() %}30.4375{% endmacro %}

{% macro minutes_a_day() %}1440{% endmacro %}

{% macro joules_a_watt_hour() %}3600{% endmacro %}

{# What turns tokens in a period into tokens a month; a cumulative count runs over its own days. #}
{% macro tokens_per_month_factor(period_kind, days) %}
case {{ period_kind }}
    when 'minute' then {{ minutes_a_day() }} * {{ days_a_month() }}
    when 'day' then {{ days_a_month() }}
    when 'week' then cast({{ days_a_month() }} as double) / 7
    when 'month' then 1
    when 'quarter' then cast(1 as double) / 3
    when 'half' then cast(1 as double) / 6
    when 'year' then cast(1 as double) / 12
    when 'cumulative' then cast({{ days_a_month() }} as double) / {{ days }}
end
{%- endmacro %}

{# The day in the middle of days counted from the first: 30 days from 1 April give 16 April. #}
{% macro middle_day(first, days) -%}
{{ add_days(first, 'cast(floor((' ~ days ~ ') / 2.0) as integer)') }}
{%- endmacro %}

{% macro middle_between(first, last) %}{{ middle_day(first, days_between(first, last) ~ ' + 1') }}{% endmacro %}

{# How often observations whose periods overlap are settled; see `token_neighbours`. #}
{% macro overlap_rounds() %}8{% endmacro %}

{# The observations of a series that may be compared, each with the one that follows it.

Reads the relation `observations`, in the columns of fct_token_volume, and adds
    token_neighbour   one row per observation that is used, with next_… of its neighbour
`keys` are further columns of `observations`, each set of which is looked at alone: the day as of
which is asked.

Where periods overlap, one gives way to a preferred one that is itself used: the shorter is
preferred; of equal length the one whose first day lies on, or soonest before, a grid of that length
counted back from the latest; of one period stated twice the later known, then the id that sorts first.

What holds a preferred period wholly inside it always gives way: if that one stays, to it, and if
not, to what it gave way to. One running minimum finds these (the year with a month inside it), so a
long series costs the sorting of it. What is left overlaps in part only, as rolling weeks do: pairs
of those are found within each month, and settled in rounds, of which weeks need six: a round
decides at least one more of their seven days of beginning. What is still open after the last round
is not used. #}
{% macro token_neighbours(observations, keys=[]) %}
{%- set of_series = keys + ['org_id', 'scope', 'measure'] -%}
{%- set series = of_series | join(', ') -%}
{%- set identity = keys + ['observation_id'] -%}
{%- set columns = keys + [
    'observation_id', 'org_id', 'scope', 'measure', 'level', 'period_start', 'period_end',
    'period_middle', 'period_days', 'known_on', 'tokens_per_month_low', 'tokens_per_month_base',
    'tokens_per_month_high', 'source_ids', 'confidence'
] -%}
in_series as (
    select
        {{ columns | join(',\n        ') }},
        min(period_end) over (
            partition by {{ series }}
            order by period_start desc, period_end, known_on desc, observation_id
            rows between unbounded preceding and 1 preceding
        ) as first_end_inside,
        max(period_start) over (partition by {{ series }}, period_days) as latest_start
    from {{ observations }}
    where tokens_per_month_base is not null
),

-- None of these holds another, so the order of their first days is that of their last days.
holding_none as {{ materialized() }} (
    select
        *,
        coalesce(lag(period_end) over (
            partition by {{ series }} order by period_start
        ) >= period_start, false)
        or coalesce(lead(period_start) over (
            partition by {{ series }} order by period_start
        ) <= period_end, false) as is_contested
    from in_series
    where first_end_inside is null or first_end_inside > period_end
),

contested as (
    select
        observation_id,
        {{ series }},
        period_start,
        period_end,
        row_number() over (
            partition by {{ series }}
            order by
                period_days,
                mod({{ days_between('period_start', 'latest_start') }}, period_days),
                period_start
        ) as preference
    from holding_none
    where is_contested
),

contested_month as {{ materialized() }} (
    select
        contested.*,
        of_period.month_index
    from contested
    {{ unnest_array(
        integers_between(month_index('contested.period_start'), month_index('contested.period_end')),
        'of_period', 'month_index'
    ) }}
),

-- A pair is met in the one month in which the later of the two begins.
rival_1 as {{ materialized() }} (
    select
        {{ columns_of('other', identity) }},
        preferred.observation_id as preferred_id
    from contested_month as other
    inner join contested_month as preferred
        on
            {{ same_set('other', 'preferred', of_series) }}
            and other.month_index = preferred.month_index
            and other.preference > preferred.preference
            and other.period_start <= preferred.period_end
            and other.period_end >= preferred.period_start
            and other.month_index
            = {{ month_index('greatest(other.period_start, preferred.period_start)') }}
),

{% for round in range(1, overlap_rounds() | int + 1) %}
gave_way_{{ round }} as {{ materialized() }} (
    select distinct {{ columns_of('rival', identity) }}
    from rival_{{ round }} as rival
    left join rival_{{ round }} as above
        on {{ same_set('rival', 'above', keys) }}{{ ' and ' if keys }}rival.preferred_id = above.observation_id
    where above.observation_id is null
),

rival_{{ round + 1 }} as {{ materialized() }} (
    select rival.*
    from rival_{{ round }} as rival
    left join gave_way_{{ round }} as gone
        on {{ same_set('rival', 'gone', identity) }}
    left join gave_way_{{ round }} as preferred_gone
        on
            {{ same_set('rival', 'preferred_gone', keys) }}{{ ' and ' if keys }}rival.preferred_id
            = preferred_gone.observation_id
    where gone.observation_id is null and preferred_gone.observation_id is null
),

{% endfor %}
not_used as (
    {% for round in range(1, overlap_rounds() | int + 1) %}
    select {{ identity | join(', ') }} from gave_way_{{ round }}
    union all
    {% endfor %}
    select distinct {{ identity | join(', ') }} from rival_{{ overlap_rounds() | int + 1 }}
),

used_observation as (
    select holding_none.*
    from holding_none
    left join not_used
        on {{ same_set('holding_none', 'not_used', identity) }}
    where not_used.observation_id is null
),

token_neighbour as (
    select
        {% for key in keys %}
        {{ key }},
        {% endfor %}
        observation_id,
        org_id,
        scope,
        measure,
        level,
        period_days,
        period_middle,
        known_on,
        tokens_per_month_low,
        tokens_per_month_base,
        tokens_per_month_high,
        source_ids,
        confidence,
        {% for column in [
            'observation_id', 'period_middle', 'known_on', 'tokens_per_month_low',
            'tokens_per_month_base', 'tokens_per_month_high', 'source_ids', 'confidence'
        ] %}
        lead({{ column }}) over (
            partition by {{ series }} order by period_start
        ) as next_{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from used_observation
)
{% endmacro %}

{# The monthly values of series. Reads `neighbours` (token_neighbour) and `calendar`
(int_calendar__months), and adds
    token_month   one row per series and month, from its first observation to its last

`keys` as in `token_neighbours`. The months between two neighbours are interpolated log-linearly at the day in their middle; a bound
that is 0 at either end has no logarithm and is 0 between. #}
{% macro token_months(neighbours, calendar, keys=[]) %}
{%- set of_series = keys + ['org_id', 'scope', 'measure'] -%}
placed as (
    select
        *,
        {{ month_index('period_middle') }} as month_index,
        {{ month_index('next_period_middle') }} as next_month_index,
        period_days <= 31 as is_month_or_shorter
    from {{ neighbours }}
),

observed_month as (
    select
        {{ of_series | join(',\n        ') }},
        max(level) as level,
        month_index,
        {% for bound in ['low', 'base', 'high'] %}
        coalesce(
            {{ steady_mean('case when is_month_or_shorter then tokens_per_month_' ~ bound ~ ' end') }},
            {{ steady_mean('tokens_per_month_' ~ bound) }}
        ) as tokens_per_month_{{ bound }},
        {% endfor %}
        max(case when is_month_or_shorter then 1 else 0 end) = 0 as is_estimated,
        {{ array_union_agg('source_ids') }} as source_ids,
        {{ lowest_confidence('confidence') }} as confidence
    from placed
    group by {{ of_series | join(', ') }}, month_index
),

-- Most neighbours leave no month between them.
apart as (
    select *
    from placed
    where next_month_index - month_index >= 2
),

gap as (
    select
        apart.*,
        between_them.gap_month_index
    from apart
    {{ unnest_array(
        integers_between('apart.month_index + 1', 'apart.next_month_index - 1'),
        'between_them', 'gap_month_index'
    ) }}
),

month_between as (
    select
        {{ columns_of('gap', of_series) }},
        gap.level,
        gap.gap_month_index as month_index,
        {% for bound in ['low', 'base', 'high'] %}
        gap.tokens_per_month_{{ bound }},
        gap.next_tokens_per_month_{{ bound }},
        {% endfor %}
        cast({{ days_between(
            'gap.period_middle', middle_between('calendar.month', 'calendar.month_end')
        ) }} as double)
        / {{ days_between('gap.period_middle', 'gap.next_period_middle') }} as way,
        {{ array_union(['gap.source_ids', 'gap.next_source_ids']) }} as source_ids,
        {{ lower_confidence(['gap.confidence', 'gap.next_confidence']) }} as confidence
    from gap
    inner join {{ calendar }} as calendar
        on gap.gap_month_index = calendar.month_index
),

interpolated_month as (
    select
        {{ of_series | join(',\n        ') }},
        level,
        month_index,
        {% for bound in ['low', 'base', 'high'] %}
        case
            when tokens_per_month_{{ bound }} = 0 or next_tokens_per_month_{{ bound }} = 0 then 0
            else tokens_per_month_{{ bound }} * power(
                next_tokens_per_month_{{ bound }} / nullif(tokens_per_month_{{ bound }}, 0), way
            )
        end as tokens_per_month_{{ bound }},
        {% endfor %}
        true as is_estimated,
        source_ids,
        confidence
    from month_between
),

token_month as (
    select * from observed_month
    union all
    select * from interpolated_month
)
{% endmacro %}

{# ln(v2 / v1), null where one of them is 0: nothing grows from or to nothing at a rate. #}
{% macro log_growth(first, second) %}ln(nullif({{ second }}, 0) / nullif({{ first }}, 0)){% endmacro %}

{# (v2 / v1)^(365.25 / days) from its logarithm; null where a double cannot hold it, as when two
volumes lie days apart. #}
{% macro yearly_factor(log_growth, days) -%}
case
        when abs({{ log_growth }} * 365.25 / {{ days }}) < 700
            then exp({{ log_growth }} * 365.25 / {{ days }})
    end
{%- endmacro %}

{# S9: under so many days apart, what is carried to a year is mostly chance. #}
{% macro short_span_days() %}90{% endmacro %}

{# S9: how long a silent series stays at its last value in the world floor. #}
{% macro months_carried() %}12{% endmacro %}

{# S10: power for a token volume at the meter of the site. #}
{% macro gw_of_tokens(tokens_per_month, joules_per_token, pue) -%}
{{ tokens_per_month }} / ({{ days_a_month() }} * 86400) * {{ joules_per_token }} * {{ pue }} / 1e9
{%- endmacro %}

{# S9: the world floor of a set of series of int_token_floor__by_series. #}
{% macro floor_columns() %}
    {{ steady_sum('tokens_per_month_low') }} as tokens_per_month_low,
    {{ steady_sum('tokens_per_month_base') }} as tokens_per_month_base,
    {{ steady_sum('tokens_per_month_high') }} as tokens_per_month_high,
    count(distinct org_id) as organization_count,
    coalesce({{ steady_sum('case when is_carried then tokens_per_month_base end') }}, 0)
    / nullif({{ steady_sum('tokens_per_month_base') }}, 0) as carried_share,
    coalesce({{ steady_sum('case when is_estimated and not is_carried then tokens_per_month_base end') }}, 0)
    / nullif({{ steady_sum('tokens_per_month_base') }}, 0) as estimated_share,
    {{ array_union_agg('source_ids') }} as source_ids,
    {{ lowest_confidence('confidence') }} as confidence
{%- endmacro %}

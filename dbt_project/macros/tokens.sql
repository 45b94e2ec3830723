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

{# The observations of a series that may be compared, each with the one that follows it.

Reads the relation `observations`, in the columns of fct_token_volume, and adds
    token_neighbour   one row per observation that is used, with next_… of its neighbour

Where periods overlap the finer one stays (the year gives way to a month inside it). That is asked
by windows over seven classes of length, not by joining a series with itself, which would cost the
square of its length, and only of those that overlap another at all. Within a class, neighbours by
start are compared: the shorter, then the later known, then the later period, then the later id
stays. #}
{% macro token_neighbours(observations) %}
{%- set series = 'org_id, scope, measure' -%}
{%- set in_order = 'period_start, period_end, known_on, observation_id' -%}
{%- set columns = [
    'observation_id', 'org_id', 'scope', 'measure', 'level', 'period_start', 'period_end',
    'period_middle', 'period_days', 'known_on', 'tokens_per_month_low', 'tokens_per_month_base',
    'tokens_per_month_high', 'source_ids', 'confidence'
] -%}
in_series as {{ materialized() }} (
    select
        {{ columns | join(',\n        ') }},
        max(period_end) over (
            partition by {{ series }} order by {{ in_order }}
            rows between unbounded preceding and 1 preceding
        ) as last_end_before,
        lead(period_start) over (
            partition by {{ series }} order by {{ in_order }}
        ) as next_start
    from {{ observations }}
    where tokens_per_month_base is not null
),

overlapping as (
    select
        {{ columns | join(',\n        ') }},
        case
            when period_days <= 1 then 1
            when period_days <= 7 then 2
            when period_days <= 31 then 3
            when period_days <= 92 then 4
            when period_days <= 184 then 5
            when period_days <= 366 then 6
            else 7
        end as length_class
    from in_series
    where last_end_before >= period_start or next_start <= period_end
),

beside_others as (
    select
        *,
        {% for class in range(2, 8) %}
        max(case when length_class < {{ class }} then period_end end) over (
            partition by {{ series }} order by period_start
            range between unbounded preceding and current row
        ) as finer_end_{{ class }},
        min(case when length_class < {{ class }} then period_start end) over (
            partition by {{ series }} order by period_start
            range between current row and unbounded following
        ) as finer_start_{{ class }},
        {% endfor %}
        {% for side, column in [
            ('lag', 'period_end'), ('lag', 'period_days'), ('lag', 'known_on'),
            ('lead', 'period_start'), ('lead', 'period_days'), ('lead', 'known_on')
        ] %}
        {{ side }}({{ column }}) over (
            partition by {{ series }}, length_class order by {{ in_order }}
        ) as {{ side }}_{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from overlapping
),

used_observation as (
    select
        {{ columns | join(',\n        ') }}
    from in_series
    where
        coalesce(last_end_before < period_start, true)
        and coalesce(next_start > period_end, true)
    union all
    select
        {{ columns | join(',\n        ') }}
    from beside_others
    where
        coalesce(case length_class
            {% for class in range(2, 8) %}
            when {{ class }} then finer_end_{{ class }} < period_start
            {% endfor %}
        end, true)
        and coalesce(case length_class
            {% for class in range(2, 8) %}
            when {{ class }} then finer_start_{{ class }} > period_end
            {% endfor %}
        end, true)
        and coalesce(
            lag_period_end < period_start
            or period_days < lag_period_days
            or (period_days = lag_period_days and known_on >= lag_known_on),
            true
        )
        and coalesce(
            lead_period_start > period_end
            or period_days < lead_period_days
            or (period_days = lead_period_days and known_on > lead_known_on),
            true
        )
),

token_neighbour as (
    select
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

The months between two neighbours are interpolated log-linearly at the day in their middle; a bound
that is 0 at either end has no logarithm and is 0 between. #}
{% macro token_months(neighbours, calendar) %}
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
        org_id,
        scope,
        measure,
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
    group by org_id, scope, measure, month_index
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
        gap.org_id,
        gap.scope,
        gap.measure,
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
        org_id,
        scope,
        measure,
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

{# S9: how long a silent series stays at its last value in the world floor. #}
{% macro months_carried() %}12{% endmacro %}

{# S10: power for a token volume at the meter of the site. #}
{% macro gw_of_tokens(tokens_per_month, joules_per_token, pue) -%}
{{ tokens_per_month }} / ({{ days_a_month() }} * 86400) * {{ joules_per_token }} * {{ pue }} / 1e9
{%- endmacro %}

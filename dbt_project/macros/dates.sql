{# Dates that may be written as a year, half, quarter, month or day (S2, S8). #}

{% macro period_first_day(text) %}
case
    when {{ text }} is null then null
    when length({{ text }}) = 4 then cast(concat({{ text }}, '-01-01') as date)
    when substring({{ text }}, 6, 1) = 'Q'
        then cast(concat(
            substring({{ text }}, 1, 5),
            case substring({{ text }}, 7, 1)
                when '1' then '01' when '2' then '04' when '3' then '07' else '10'
            end,
            '-01'
        ) as date)
    when substring({{ text }}, 6, 1) = 'H'
        then cast(concat(
            substring({{ text }}, 1, 5),
            case substring({{ text }}, 7, 1) when '1' then '01' else '07' end,
            '-01'
        ) as date)
    when length({{ text }}) = 7 then cast(concat({{ text }}, '-01') as date)
    else cast({{ text }} as date)
end
{% endmacro %}

{# A partial date counts on its last day, so that nothing is known too early (S2). #}
{% macro period_last_day(text) %}
case
    when {{ text }} is null then null
    when length({{ text }}) = 4 then cast(concat({{ text }}, '-12-31') as date)
    when substring({{ text }}, 6, 1) = 'Q'
        then cast(concat(
            substring({{ text }}, 1, 5),
            case substring({{ text }}, 7, 1)
                when '1' then '03-31' when '2' then '06-30' when '3' then '09-30' else '12-31'
            end
        ) as date)
    when substring({{ text }}, 6, 1) = 'H'
        then cast(concat(
            substring({{ text }}, 1, 5),
            case substring({{ text }}, 7, 1) when '1' then '06-30' else '12-31' end
        ) as date)
    when length({{ text }}) = 7 then last_day(cast(concat({{ text }}, '-01') as date))
    else cast({{ text }} as date)
end
{% endmacro %}

{# Whole months since the year 0: lets a period be a range of integers. #}
{% macro month_index(date) %}(cast(extract(year from {{ date }}) as integer) * 12 + cast(extract(month from {{ date }}) as integer) - 1){% endmacro %}

{% macro add_days(date, days) %}cast({{ dbt.dateadd('day', days, date) }} as date){% endmacro %}

{% macro add_months(date, months) %}cast({{ dbt.dateadd('month', months, date) }} as date){% endmacro %}

{% macro days_between(first, last) %}cast({{ dbt.datediff(first, last, 'day') }} as integer){% endmacro %}

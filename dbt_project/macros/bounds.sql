{# S1: an announced quantity becomes low, base, high.

    exact v     v      v      v
    about v     0.9 v  v      1.1 v
    up_to v     0      v      v
    at_least v  v      v      v       and is open ended
    range a..b  a      the stated value or the middle  b

The prefix names the columns <prefix>_value, _qualifier, _low, _high; the output carries the unit. #}
{% macro bounds(prefix, name, type) %}
{%- set value = prefix ~ '_value' -%}
{%- set qualifier = prefix ~ '_qualifier' -%}
cast(case {{ qualifier }}
        when 'about' then {{ value }} * 0.9
        when 'up_to' then 0
        when 'range' then {{ prefix }}_low
        else {{ value }}
    end as {{ type }}) as {{ name }}_low,
    cast(case {{ qualifier }}
        when 'range' then coalesce({{ value }}, ({{ prefix }}_low + {{ prefix }}_high) * 0.5)
        else {{ value }}
    end as {{ type }}) as {{ name }}_base,
    cast(case {{ qualifier }}
        when 'about' then {{ value }} * 1.1
        when 'range' then {{ prefix }}_high
        else {{ value }}
    end as {{ type }}) as {{ name }}_high
{%- endmacro %}

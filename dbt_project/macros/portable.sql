{# What engines spell differently, dispatched by adapter. Models call these and nothing of one engine. #}

{# The body of a common table expression that is read more than once and costly to repeat. #}
{% macro materialized() %}{{ return(adapter.dispatch('materialized', 'gigaledger')()) }}{% endmacro %}
{% macro default__materialized() %}{% endmacro %}
{% macro duckdb__materialized() %}materialized{% endmacro %}

{# Sorted distinct members of all arrays in a group; an empty array for none. #}
{% macro array_union_agg(column) %}{{ return(adapter.dispatch('array_union_agg', 'gigaledger')(column)) }}{% endmacro %}
{% macro default__array_union_agg(column) %}sort_array(array_distinct(flatten(collect_list({{ column }})))){% endmacro %}
{% macro duckdb__array_union_agg(column) %}coalesce(list_sort(list_distinct(flatten(list({{ column }}) filter (where {{ column }} is not null)))), cast([] as varchar[])){% endmacro %}

{# Sorted distinct values of a group as an array; nulls are left out. #}
{% macro array_agg_distinct(expression) %}{{ return(adapter.dispatch('array_agg_distinct', 'gigaledger')(expression)) }}{% endmacro %}
{% macro default__array_agg_distinct(expression) %}sort_array(collect_set({{ expression }})){% endmacro %}
{% macro duckdb__array_agg_distinct(expression) %}coalesce(list_sort(list(distinct {{ expression }}) filter (where {{ expression }} is not null)), cast([] as varchar[])){% endmacro %}

{# Sorted distinct members of several arrays of one row. #}
{% macro array_union(columns) %}{{ return(adapter.dispatch('array_union', 'gigaledger')(columns)) }}{% endmacro %}
{% macro default__array_union(columns) %}sort_array(array_distinct(concat({% for column in columns %}coalesce({{ column }}, array()){{ ', ' if not loop.last }}{% endfor %}))){% endmacro %}
{% macro duckdb__array_union(columns) %}list_sort(list_distinct({% for column in columns %}coalesce({{ column }}, cast([] as varchar[])){{ ' || ' if not loop.last }}{% endfor %})){% endmacro %}

{# An array written out. #}
{% macro array_of(expressions) %}{{ return(adapter.dispatch('array_of', 'gigaledger')(expressions)) }}{% endmacro %}
{% macro default__array_of(expressions) %}array({{ expressions | join(', ') }}){% endmacro %}
{% macro duckdb__array_of(expressions) %}[{{ expressions | join(', ') }}]{% endmacro %}

{% macro array_join(expression, separator) %}{{ return(adapter.dispatch('array_join', 'gigaledger')(expression, separator)) }}{% endmacro %}
{% macro default__array_join(expression, separator) %}array_join({{ expression }}, '{{ separator }}'){% endmacro %}
{% macro duckdb__array_join(expression, separator) %}array_to_string({{ expression }}, '{{ separator }}'){% endmacro %}

{# One row per member of an array column: follows the from clause, gives `alias.member`. #}
{% macro unnest_array(column, alias, member) %}{{ return(adapter.dispatch('unnest_array', 'gigaledger')(column, alias, member)) }}{% endmacro %}
{% macro default__unnest_array(column, alias, member) %}lateral view explode({{ column }}) {{ alias }} as {{ member }}{% endmacro %}
{% macro duckdb__unnest_array(column, alias, member) %}cross join unnest({{ column }}) as {{ alias }}({{ member }}){% endmacro %}

{# The member at a place of an array, counted from 1. #}
{% macro array_member(column, place) %}{{ return(adapter.dispatch('array_member', 'gigaledger')(column, place)) }}{% endmacro %}
{% macro default__array_member(column, place) %}element_at({{ column }}, cast({{ place }} as int)){% endmacro %}
{% macro duckdb__array_member(column, place) %}{{ column }}[{{ place }}]{% endmacro %}

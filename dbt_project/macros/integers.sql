{# All integers from the first to the last, as an array: with `unnest_array` it gives each month of
a range at the cost of its rows, where a join on a range of months costs that of a search. Ask only
where the first is not after the last: engines differ on what is between them then. #}
{% macro integers_between(first, last) %}{{ return(adapter.dispatch('integers_between', 'gigaledger')(first, last)) }}{% endmacro %}
{% macro default__integers_between(first, last) %}sequence({{ first }}, {{ last }}){% endmacro %}
{% macro duckdb__integers_between(first, last) %}range({{ first }}, {{ last }} + 1){% endmacro %}

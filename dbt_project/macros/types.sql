{# The types of the units, so that a column of gigawatts or dollars has one type everywhere. #}
{% macro gw_type() %}decimal(18, 9){% endmacro %}

{% macro usd_type() %}decimal(20, 2){% endmacro %}

{% macro tokens_type() %}double{% endmacro %}

{# A sum of floating-point numbers depends on the order of addition, and so on the threads; this one
is exact to a thousandth, whatever the order. #}
{% macro steady_sum(expression) %}cast(sum(cast({{ expression }} as decimal(38, 3))) as double){% endmacro %}

{% macro steady_mean(expression) %}({{ steady_sum(expression) }} / count({{ expression }})){% endmacro %}

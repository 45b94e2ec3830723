{# The types of the units, so that a column of gigawatts or dollars has one type everywhere. #}
{% macro gw_type() %}decimal(18, 9){% endmacro %}

{% macro usd_type() %}decimal(20, 2){% endmacro %}

{% macro tokens_type() %}double{% endmacro %}

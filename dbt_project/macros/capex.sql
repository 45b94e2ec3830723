{# The one measure of capital expenditure that companies state alike: the cash flow statement's. #}
{% macro comparable_capex_metric() %}purchases_of_property_and_equipment{% endmacro %}

{% macro quarter_first_day(date) %}cast({{ dbt.date_trunc('quarter', date) }} as date){% endmacro %}

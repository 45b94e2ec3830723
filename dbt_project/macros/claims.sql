{# S12: when the warehouse and a claim speak of the same. #}

{# How far the middle of an observation may lie from that of the claimed period's first or last. #}
{% macro claim_span_tolerance_days() %}45{% endmacro %}

{# A claim is met within its bounds, and at the least within this share of its base. #}
{% macro claim_tolerance_share() %}0.1{% endmacro %}

{# Fewer prices than these make no median worth holding against a claim. #}
{% macro least_priced_deals() %}3{% endmacro %}

{# A measured figure as a reader would write it. #}
{% macro figure_text(value, unit) %}
case
    when {{ value }} is null then 'nothing'
    when {{ unit }} = 'usd' then concat(cast(cast(round({{ value }} / 1e9) as bigint) as {{ dbt.type_string() }}), ' billion dollars')
    when {{ unit }} = 'usd_per_gw'
        then concat(cast(round({{ value }} / 1e9, 1) as {{ dbt.type_string() }}), ' billion dollars a gigawatt')
    when {{ unit }} = 'gw' then concat(cast(round({{ value }}, 1) as {{ dbt.type_string() }}), ' GW')
    when {{ unit }} = 'multiple_per_year'
        then concat(cast(round({{ value }}, 1) as {{ dbt.type_string() }}), ' times a year')
    when {{ unit }} = 'tokens_per_month'
        then concat(cast(round({{ value }} / 1e12, 1) as {{ dbt.type_string() }}), ' trillion tokens a month')
    else cast({{ value }} as {{ dbt.type_string() }})
end
{%- endmacro %}

{# S12: when the warehouse and a claim speak of the same. #}

{# How far the middle of an observation may lie from that of the claimed period's first or last. #}
{% macro claim_span_tolerance_days() %}45{% endmacro %}

{# A claim is met within its bounds, and at the least within this share of its base. #}
{% macro claim_tolerance_share() %}0.1{% endmacro %}

{# Fewer prices than these make no median worth holding against a claim. #}
{% macro least_priced_deals() %}3{% endmacro %}

{% macro as_text(expression) %}cast({{ expression }} as {{ dbt.type_string() }}){% endmacro %}

{# A measured figure as a reader would write it. #}
{% macro figure_text(value, unit) %}
case
    when {{ value }} is null then 'nothing'
    when {{ unit }} = 'usd'
        then concat({{ as_text('cast(round(' ~ value ~ ' / 1e9) as bigint)') }}, ' billion dollars')
    when {{ unit }} = 'usd_per_gw'
        then concat({{ as_text('round(' ~ value ~ ' / 1e9, 1)') }}, ' billion dollars a gigawatt')
    when {{ unit }} = 'gw' then concat({{ as_text('round(' ~ value ~ ', 1)') }}, ' GW')
    when {{ unit }} = 'multiple_per_year'
        then concat({{ as_text('round(' ~ value ~ ', 1)') }}, ' times a year')
    when {{ unit }} = 'tokens_per_month'
        then concat(
            {{ as_text('round(' ~ value ~ ' / 1e12, 1)') }}, ' trillion tokens a month'
        )
    else {{ as_text(value) }}
end
{%- endmacro %}

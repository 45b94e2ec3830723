{# The documents of what rests on none. #}
{% macro no_source_ids() %}{{ return(adapter.dispatch('no_source_ids', 'gigaledger')()) }}{% endmacro %}
{% macro default__no_source_ids() %}cast(array() as array<string>){% endmacro %}
{% macro duckdb__no_source_ids() %}cast([] as varchar[]){% endmacro %}

{# The lower of the confidences of one row. #}
{% macro lower_confidence(columns) %}
{%- set ranks = [] -%}
{%- for column in columns %}{% do ranks.append(confidence_rank(column)) %}{% endfor -%}
{{ confidence_word('least(' ~ ranks | join(', ') ~ ')') }}
{%- endmacro %}

{% macro array_size(column) %}{{ return(adapter.dispatch('array_size', 'gigaledger')(column)) }}{% endmacro %}
{% macro default__array_size(column) %}size({{ column }}){% endmacro %}
{% macro duckdb__array_size(column) %}len({{ column }}){% endmacro %}

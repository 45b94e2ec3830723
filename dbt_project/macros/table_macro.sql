{# Materialises a model as a table macro: a query that takes arguments, kept in the published file.

The model's config names the arguments; relations are written by `published()`, without a database
name, so that the same body works in the work database and in a release. Other engines have no such
thing: the models are enabled on DuckDB alone. #}
{% materialization table_macro, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
        create or replace macro {{ this.include(database=true) }}({{ config.require('arguments') | join(', ') }}) as table
        {{ sql }}
    {%- endcall %}
    {% call statement('comment') -%}
        comment on macro table {{ this.include(database=true) }} is '{{ dbt.escape_single_quotes(model.description) }}'
    {%- endcall %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': []}) }}
{% endmaterialization %}

{# A published relation by schema and name alone. #}
{% macro published(model) %}{{ ref(model).include(database=false) }}{% endmacro %}

{# S11: capital loops on the days of a panel. Adds, after `money_flows`:
    pair_flow, money_leg  one row per day, payer and payee: all that flows between the two
    capital_loop          one row per day and simple cycle of 2 to 5 organisations
A loop begins at the organisation whose id sorts first, so that it is found once. #}

{% macro longest_loop() %}5{% endmacro %}

{% macro loops_panel() %}
pair_flow as (
    select
        flow.as_of_day,
        flow.payer_id,
        flow.payee_id,
        {{ array_agg_distinct('flow.deal_id') }} as deal_ids,
        {{ array_agg_distinct('flow.flow_kind') }} as flow_kinds,
        max(case when flow.is_cash then flow.usd_base end) as usd_base,
        max(case when flow.is_cash and not flow.is_conditional then flow.usd_base end) as settled_usd,
        min(case when flow.is_conditional then 1 else 0 end) as is_all_conditional,
        min(case when flow.is_cash then 0 else 1 end) as is_noncash,
        {{ array_union_agg('deal.source_ids') }} as source_ids,
        min({{ confidence_rank('deal.confidence') }}) as confidence_rank
    from money_flow as flow
    inner join standing as deal
        on flow.deal_id = deal.deal_id and flow.as_of_day = deal.as_of_day
    where
        flow.payer_id <> flow.payee_id
        and flow.payer_id <> 'undisclosed'
        and flow.payee_id <> 'undisclosed'
    group by flow.as_of_day, flow.payer_id, flow.payee_id
),

-- The flow that gives a leg its size says whether the leg is conditional.
money_leg as {{ materialized() }} (
    select
        *,
        case when usd_base is null then 1 else 0 end as unvalued_leg_count,
        case
            when usd_base is null then is_all_conditional
            when settled_usd = usd_base then 0
            else 1
        end as is_conditional
    from pair_flow
),

path_1 as (
    select
        as_of_day,
        payer_id as org_1,
        payee_id as org_2,
        deal_ids,
        usd_base,
        unvalued_leg_count,
        is_conditional,
        is_noncash,
        source_ids,
        confidence_rank
    from money_leg
    where payer_id < payee_id
),

{% for length in range(2, longest_loop() | int) %}
path_{{ length }} as (
    select
        path.as_of_day,
        {% for org in range(1, length + 1) %}
        path.org_{{ org }},
        {% endfor %}
        leg.payee_id as org_{{ length + 1 }},
        {{ joined_leg() }}
    from path_{{ length - 1 }} as path
    inner join money_leg as leg
        on path.as_of_day = leg.as_of_day and path.org_{{ length }} = leg.payer_id
    where
        leg.payee_id > path.org_1
        {% for org in range(2, length) %}
        and leg.payee_id <> path.org_{{ org }}
        {% endfor %}
),
{% endfor %}

capital_loop as {{ materialized() }} (
    {% for length in range(2, (longest_loop() | int) + 1) %}
    select
        path.as_of_day,
        concat_ws('>'{% for org in range(1, length + 1) %}, path.org_{{ org }}{% endfor %}) as loop_id,
        {{ array_of_orgs('path', length) }} as org_ids,
        {{ length }} as length,
        {{ joined_leg() }}
    from path_{{ length - 1 }} as path
    inner join money_leg as leg
        on
            path.as_of_day = leg.as_of_day
            and path.org_{{ length }} = leg.payer_id
            and path.org_1 = leg.payee_id
    {{ 'union all' if not loop.last }}
    {% endfor %}
)
{% endmacro %}

{% macro array_of_orgs(alias, length) -%}
{%- set orgs = [] -%}
{%- for org in range(1, length + 1) -%}{%- do orgs.append(alias ~ '.org_' ~ org) -%}{%- endfor -%}
{{ array_of(orgs) }}
{%- endmacro %}

{# What a path carries, with one more leg. The smallest known cash leg is the bottleneck. #}
{% macro joined_leg() -%}
{{ array_union(['path.deal_ids', 'leg.deal_ids']) }} as deal_ids,
        least(coalesce(path.usd_base, leg.usd_base), coalesce(leg.usd_base, path.usd_base)) as usd_base,
        path.unvalued_leg_count + leg.unvalued_leg_count as unvalued_leg_count,
        greatest(path.is_conditional, leg.is_conditional) as is_conditional,
        greatest(path.is_noncash, leg.is_noncash) as is_noncash,
        {{ array_union(['path.source_ids', 'leg.source_ids']) }} as source_ids,
        least(path.confidence_rank, leg.confidence_rank) as confidence_rank
{%- endmacro %}

{# The columns of marts.capital_loops, after loops_panel(). #}
{% macro loop_columns() %}
loop_id,
    org_ids,
    deal_ids,
    length,
    usd_base as bottleneck_usd,
    unvalued_leg_count,
    is_conditional = 1 as has_conditional_leg,
    is_noncash = 1 as has_noncash_leg,
    source_ids,
    {{ confidence_word('confidence_rank') }} as confidence
{%- endmacro %}

{# S5: capacity by customer and layer on the days of a panel. Adds, after `standing`:
    capacity_total      one row per day, customer, scope and layer, the plan layer with its largest plan
    capacity_net        one row per day, customer and scope: the largest compute layer, bound by bound
    capacity_customer   one row per day, customer and layer, and one for layer `net`: what is published
Scopes: announced, firm, and online (what runs, netted as the contracts that it is part of). #}

{% macro capacity_keys() %}{{ return(['as_of_day', 'customer_id', 'scope', 'layer']) }}{% endmacro %}

{% macro capacity_panel() %}
capacity_item as {{ materialized() }} (
    select
        customer.as_of_day,
        customer.customer_id,
        scope.scope,
        deal.layer,
        deal.deal_id,
        case when scope.scope = 'online' then deal.online_gw_low else deal.capacity_gw_low end as own_low,
        case when scope.scope = 'online' then deal.online_gw_base else deal.capacity_gw_base end as own_base,
        case when scope.scope = 'online' then deal.online_gw_high else deal.capacity_gw_high end as own_high
    from customer_of as customer
    inner join standing as deal
        on customer.deal_id = deal.deal_id and customer.as_of_day = deal.as_of_day
    cross join (
        select 'announced' as scope
        union all
        select 'firm' as scope
        union all
        select 'online' as scope
    ) as scope
    where
        deal.layer in ('site', 'chips', 'cloud', 'power', 'plan')
        and (scope.scope <> 'firm' or deal.is_firm)
        and (scope.scope <> 'online' or deal.online_gw_base is not null)
),

{{ netting('capacity_netting', 'capacity_item', 'gw', capacity_keys()) }},

-- Plans restate one another: the largest stands for all.
largest_plan as (
    select
        as_of_day,
        customer_id,
        scope,
        layer,
        max(own_low) as total_low,
        max(own_base) as total_base,
        max(own_high) as total_high
    from capacity_item
    where layer = 'plan'
    group by as_of_day, customer_id, scope, layer
),

capacity_total as {{ materialized() }} (
    select
        netted.as_of_day,
        netted.customer_id,
        netted.scope,
        netted.layer,
        netted.layer in ('site', 'chips', 'cloud') as is_compute,
        case netted.layer when 'chips' then 1 when 'cloud' then 2 when 'site' then 3 end as tie_order,
        {% for bound in ['low', 'base', 'high'] %}
        netted.gross_{{ bound }},
        case
            when netted.valued_count = 0 then null
            when netted.layer = 'plan' then plan.total_{{ bound }}
            else netted.total_{{ bound }}
        end as total_{{ bound }},
        {% endfor %}
        netted.valued_count,
        netted.deal_count
    from capacity_netting_total as netted
    left join largest_plan as plan
        on {{ same_set('netted', 'plan', capacity_keys()) }}
),

capacity_net as {{ materialized() }} (
    select
        as_of_day,
        customer_id,
        scope,
        'net' as layer,
        {% for bound in ['low', 'base', 'high'] %}
        sum(gross_{{ bound }}) as gross_{{ bound }},
        max(total_{{ bound }}) as total_{{ bound }},
        {% endfor %}
        sum(valued_count) as valued_count,
        sum(deal_count) as deal_count
    from capacity_total
    where is_compute
    group by as_of_day, customer_id, scope
),

binding_layer as (
    select
        as_of_day,
        customer_id,
        layer,
        row_number() over (
            partition by as_of_day, customer_id
            order by total_base desc, total_high desc, tie_order
        ) as size_order
    from capacity_total
    where is_compute and scope = 'announced' and total_base is not null
),

capacity_row as (
    select
        as_of_day, customer_id, scope, layer,
        gross_low, gross_base, gross_high, total_low, total_base, total_high, deal_count
    from capacity_total
    union all
    select
        as_of_day, customer_id, scope, layer,
        gross_low, gross_base, gross_high, total_low, total_base, total_high, deal_count
    from capacity_net
),

capacity_evidence as (
    select
        customer.as_of_day,
        customer.customer_id,
        layer_group.layer,
        {{ array_union_agg('deal.source_ids') }} as source_ids,
        {{ lowest_confidence('deal.confidence') }} as confidence
    from customer_of as customer
    inner join standing as deal
        on customer.deal_id = deal.deal_id and customer.as_of_day = deal.as_of_day
    inner join (
        select 'site' as deal_layer, 'site' as layer
        union all select 'chips' as deal_layer, 'chips' as layer
        union all select 'cloud' as deal_layer, 'cloud' as layer
        union all select 'power' as deal_layer, 'power' as layer
        union all select 'plan' as deal_layer, 'plan' as layer
        union all select 'site' as deal_layer, 'net' as layer
        union all select 'chips' as deal_layer, 'net' as layer
        union all select 'cloud' as deal_layer, 'net' as layer
    ) as layer_group
        on deal.layer = layer_group.deal_layer
    group by customer.as_of_day, customer.customer_id, layer_group.layer
),

capacity_customer as {{ materialized() }} (
    select
        announced.as_of_day,
        announced.customer_id,
        announced.layer,
        {% for bound in ['low', 'base', 'high'] %}
        cast(announced.gross_{{ bound }} as {{ gw_type() }}) as gross_gw_{{ bound }},
        {% endfor %}
        {% for bound in ['low', 'base', 'high'] %}
        cast(announced.total_{{ bound }} as {{ gw_type() }}) as total_gw_{{ bound }},
        {% endfor %}
        {% for bound in ['low', 'base', 'high'] %}
        cast(case
            when firm.deal_count is null then 0
            else firm.total_{{ bound }}
        end as {{ gw_type() }}) as firm_gw_{{ bound }},
        {% endfor %}
        cast(online.total_base as {{ gw_type() }}) as online_gw_base,
        coalesce(binding.layer is not null, false) as is_binding,
        cast(announced.deal_count as integer) as deal_count,
        evidence.source_ids,
        evidence.confidence
    from capacity_row as announced
    left join capacity_row as firm
        on
            announced.as_of_day = firm.as_of_day
            and announced.customer_id = firm.customer_id
            and announced.layer = firm.layer
            and firm.scope = 'firm'
    left join capacity_row as online
        on
            announced.as_of_day = online.as_of_day
            and announced.customer_id = online.customer_id
            and announced.layer = online.layer
            and online.scope = 'online'
    left join binding_layer as binding
        on
            announced.as_of_day = binding.as_of_day
            and announced.customer_id = binding.customer_id
            and announced.layer = binding.layer
            and binding.size_order = 1
    inner join capacity_evidence as evidence
        on
            announced.as_of_day = evidence.as_of_day
            and announced.customer_id = evidence.customer_id
            and announced.layer = evidence.layer
    where announced.scope = 'announced'
)
{% endmacro %}

{# The columns of marts.capacity_by_customer, after capacity_panel(). #}
{% macro capacity_columns() %}
customer_id,
    layer,
    gross_gw_low,
    gross_gw_base,
    gross_gw_high,
    total_gw_low,
    total_gw_base,
    total_gw_high,
    firm_gw_low,
    firm_gw_base,
    firm_gw_high,
    online_gw_base,
    is_binding,
    deal_count,
    source_ids,
    confidence
{%- endmacro %}

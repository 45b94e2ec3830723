-- S5: net is the largest total of a compute layer, bound by bound, and gross their plain sum; no
-- layer's total is above its gross, and one layer binds where any has a capacity.
with layer as (
    select
        customer_id,
        sum(gross_gw_low) as gross_low,
        sum(gross_gw_base) as gross_base,
        sum(gross_gw_high) as gross_high,
        max(total_gw_low) as largest_low,
        max(total_gw_base) as largest_base,
        max(total_gw_high) as largest_high,
        max(firm_gw_base) as firm_base,
        sum(case when is_binding then 1 else 0 end) as binding_count
    from {{ ref('capacity_by_customer') }}
    where layer in ('site', 'chips', 'cloud')
    group by customer_id
),

net as (
    select * from {{ ref('capacity_by_customer') }}
    where layer = 'net'
)

select
    coalesce(net.customer_id, layer.customer_id) as customer_id,
    net.gross_gw_base,
    net.total_gw_base,
    layer.largest_base,
    layer.binding_count
from net
full outer join layer
    on net.customer_id = layer.customer_id
where
    net.customer_id is null
    or layer.customer_id is null
    {% for bound in ['low', 'base', 'high'] %}
    or coalesce(net.gross_gw_{{ bound }}, -1) <> coalesce(layer.gross_{{ bound }}, -1)
    or coalesce(net.total_gw_{{ bound }}, -1) <> coalesce(layer.largest_{{ bound }}, -1)
    or net.total_gw_{{ bound }} > net.gross_gw_{{ bound }}
    {% endfor %}
    or net.firm_gw_base <> layer.firm_base
    or layer.binding_count <> case when layer.largest_base is null then 0 else 1 end

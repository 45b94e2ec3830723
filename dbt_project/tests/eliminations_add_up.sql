-- S5: for each customer, gross less every elimination is net, exactly.
with net as (
    select
        customer_id,
        gross_gw_base,
        total_gw_base
    from {{ ref('capacity_by_customer') }}
    where layer = 'net'
),

eliminated as (
    select
        customer_id,
        sum(eliminated_gw_base) as eliminated_gw_base
    from {{ ref('capacity_eliminations') }}
    group by customer_id
)

select
    coalesce(net.customer_id, eliminated.customer_id) as customer_id,
    net.gross_gw_base,
    eliminated.eliminated_gw_base,
    net.total_gw_base
from net
full outer join eliminated
    on net.customer_id = eliminated.customer_id
where
    coalesce(net.gross_gw_base, 0) - coalesce(eliminated.eliminated_gw_base, 0)
    <> coalesce(net.total_gw_base, 0)

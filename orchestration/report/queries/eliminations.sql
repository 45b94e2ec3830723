-- From gross to net, step by step, for all organisations and for each that counts something twice.
with asked as (
    select 'all' as customer_id
    union
    select customer_id from marts.capacity_eliminations
),

net as (
    select capacity.*
    from marts.capacity_by_customer as capacity
    inner join asked
        on capacity.customer_id = asked.customer_id
    where capacity.layer = 'net'
),

step as (
    select
        customer_id, 1 as step, 'gross' as what, null as layer, null::integer as row_count,
        gross_gw_low as gw_low, gross_gw_base as gw, gross_gw_high as gw_high, source_ids,
        confidence
    from net
    union all
    select
        customer_id,
        case reason when 'part_of' then 2 when 'overlap' then 3 else 4 end as step,
        reason as what, layer, count(*)::integer as row_count, null as gw_low,
        -sum(eliminated_gw_base) as gw, null as gw_high,
        list_sort(list_distinct(flatten(list(source_ids)))) as source_ids,
        case
            when bool_or(confidence = 'low') then 'low'
            when bool_or(confidence = 'medium') then 'medium'
            else 'high'
        end as confidence
    from marts.capacity_eliminations
    group by customer_id, reason, layer
    union all
    select
        customer_id, 5, 'net', null, deal_count, total_gw_low, total_gw_base, total_gw_high,
        source_ids, confidence
    from net
    union all
    select
        customer_id, 6, 'firm', null, null, firm_gw_low, firm_gw_base, firm_gw_high, source_ids,
        confidence
    from net
    union all
    select
        customer_id, 7, 'online', null, null, null, online_gw_base, null, source_ids, confidence
    from net
),

placed as (
    select
        step.*,
        sum(case when step.step < 5 then step.gw end) over (
            partition by step.customer_id order by step.step, step.layer
        ) as running
    from step
)

select
    placed.customer_id,
    coalesce(organization.name, 'Everyone') as customer,
    row_number() over (partition by placed.customer_id order by placed.step, placed.layer)
        as step,
    placed.what,
    placed.layer,
    placed.row_count,
    placed.gw_low,
    placed.gw,
    placed.gw_high,
    case when placed.step between 2 and 4 then placed.running - placed.gw else 0 end as draw_from,
    case when placed.step between 2 and 4 then placed.running else placed.gw end as draw_to,
    placed.source_ids,
    placed.confidence
from placed
left join core.dim_organization as organization
    on placed.customer_id = organization.org_id
inner join net
    on placed.customer_id = net.customer_id
order by net.gross_gw_base desc nulls last, placed.customer_id, placed.step, placed.layer

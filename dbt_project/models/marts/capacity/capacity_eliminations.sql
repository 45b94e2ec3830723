with days as (
    select today as as_of_day from {{ ref('stg_ledger__build') }}
),

{{ standing('days') }},

{{ capacity_panel() }},

-- A holder and its parts count once: the smaller of the two goes, taken from the parts in turn so
-- that the rows add up to it exactly.
part as (
    select
        inside.customer_id,
        inside.layer,
        inside.deal_id,
        inside.parent_id as other_deal_id,
        coalesce(inner_held.counted_base, inside.own_base, 0) as part_base,
        least(held.own_base, held.parts_base) as lost_base,
        sum(coalesce(inner_held.counted_base, inside.own_base, 0)) over (
            partition by inside.customer_id, inside.layer, inside.parent_id
            order by inside.deal_id
            rows between unbounded preceding and current row
        ) as part_base_so_far
    from capacity_netting_within as inside
    inner join capacity_netting_counted as held
        on inside.parent_id = held.deal_id and {{ same_set('inside', 'held', capacity_keys()) }}
    left join capacity_netting_counted as inner_held
        on inside.deal_id = inner_held.deal_id and {{ same_set('inside', 'inner_held', capacity_keys()) }}
    where inside.scope = 'announced' and inside.layer in ('site', 'chips', 'cloud')
),

overlap as (
    select
        shared.customer_id,
        shared.layer,
        shared.deal_id,
        shared.other_deal_id,
        shared.shared_base,
        netted.top_base - netted.total_base as lost_base,
        sum(shared.shared_base) over (
            partition by shared.customer_id, shared.layer
            order by shared.deal_id, shared.other_deal_id
            rows between unbounded preceding and current row
        ) as shared_base_so_far
    from capacity_netting_shared as shared
    inner join capacity_netting_total as netted
        on {{ same_set('shared', 'netted', capacity_keys()) }}
    where shared.scope = 'announced' and shared.layer in ('site', 'chips', 'cloud')
),

eliminated as (
    select
        customer_id,
        'part_of' as reason,
        layer,
        deal_id,
        other_deal_id,
        least(part_base_so_far, lost_base)
        - least(part_base_so_far - part_base, lost_base) as eliminated_base
    from part
    union all
    select
        customer_id,
        'overlap' as reason,
        layer,
        deal_id,
        other_deal_id,
        least(shared_base_so_far, lost_base)
        - least(shared_base_so_far - shared_base, lost_base) as eliminated_base
    from overlap
    union all
    select
        total.customer_id,
        'layer' as reason,
        total.layer,
        cast(null as {{ dbt.type_string() }}) as deal_id,
        cast(null as {{ dbt.type_string() }}) as other_deal_id,
        total.total_base as eliminated_base
    from capacity_total as total
    left join binding_layer as binding
        on
            total.customer_id = binding.customer_id
            and total.layer = binding.layer
            and binding.size_order = 1
    where total.scope = 'announced' and total.is_compute and binding.layer is null
)

select
    eliminated.customer_id,
    eliminated.reason,
    eliminated.layer,
    eliminated.deal_id,
    eliminated.other_deal_id,
    cast(eliminated.eliminated_base as {{ gw_type() }}) as eliminated_gw_base,
    case
        when eliminated.reason = 'layer' then layer_evidence.source_ids
        else {{ array_union(['one.source_ids', 'other.source_ids']) }}
    end as source_ids,
    case
        when eliminated.reason = 'layer' then layer_evidence.confidence
        else {{ confidence_word('least(' ~ confidence_rank('one.confidence') ~ ', ' ~ confidence_rank('other.confidence') ~ ')') }}
    end as confidence
from eliminated
left join standing as one
    on eliminated.deal_id = one.deal_id
left join standing as other
    on eliminated.other_deal_id = other.deal_id
left join capacity_evidence as layer_evidence
    on
        eliminated.customer_id = layer_evidence.customer_id
        and eliminated.layer = layer_evidence.layer
where eliminated.eliminated_base > 0

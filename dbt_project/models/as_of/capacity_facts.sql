{{ config(arguments=['day', 'asked_customer']) }}

with days as (
    select cast(day as date) as as_of_day
),

{{ standing('days') }},

{{ capacity_panel() }},

fact as (
    select
        item.customer_id,
        item.scope,
        item.layer,
        'deal' as fact,
        item.deal_id,
        part.parent_id as other_deal_id,
        item.own_low as gw_low,
        item.own_base as gw_base,
        item.own_high as gw_high
    from capacity_item as item
    left join capacity_netting_within as part
        on item.deal_id = part.deal_id and {{ same_set('item', 'part', capacity_keys()) }}
    union all
    select
        customer_id,
        scope,
        layer,
        'shared' as fact,
        deal_id,
        other_deal_id,
        shared_low,
        shared_base,
        shared_high
    from capacity_netting_shared
)

select
    fact.scope,
    fact.layer,
    fact.fact,
    fact.deal_id,
    fact.other_deal_id,
    deal.commitment,
    deal.power_basis,
    fact.gw_low,
    fact.gw_base,
    fact.gw_high,
    deal.source_ids,
    deal.confidence
from fact
inner join standing as deal
    on fact.deal_id = deal.deal_id
where fact.customer_id = asked_customer
order by fact.scope, fact.layer, fact.fact, fact.deal_id, fact.other_deal_id

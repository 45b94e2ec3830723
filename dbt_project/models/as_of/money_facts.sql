{{ config(arguments=['day', 'asked_organization']) }}

with days as (
    select cast(day as date) as as_of_day
),

{{ standing('days') }},

{{ capacity_panel() }},

{{ money_flows() }},

{{ spend_panel() }},

beside_item as (
    select
        flow.flow_kind as measure,
        flow.deal_id,
        sum(flow.usd_low) as usd_low,
        sum(flow.usd_base) as usd_base,
        sum(flow.usd_high) as usd_high
    from money_flow as flow
    where
        flow.flow_kind in ('guarantee', 'plan')
        and (asked_organization = 'all' or flow.payer_id = asked_organization)
    group by flow.flow_kind, flow.deal_id
),

fact as (
    select
        item.measure,
        'deal' as fact,
        item.deal_id,
        part.parent_id as other_deal_id,
        item.own_low as usd_low,
        item.own_base as usd_base,
        item.own_high as usd_high
    from money_item as item
    left join money_netting_within as part
        on item.deal_id = part.deal_id and {{ same_set('item', 'part', money_keys()) }}
    where item.org_id = asked_organization
    union all
    select
        measure,
        'shared' as fact,
        deal_id,
        other_deal_id,
        shared_low,
        shared_base,
        shared_high
    from money_netting_shared
    where org_id = asked_organization
    union all
    select
        measure,
        'deal' as fact,
        deal_id,
        cast(null as {{ dbt.type_string() }}) as other_deal_id,
        usd_low,
        usd_base,
        usd_high
    from beside_item
)

select
    fact.measure,
    fact.fact,
    fact.deal_id,
    fact.other_deal_id,
    deal.commitment,
    deal.is_conditional,
    fact.usd_low,
    fact.usd_base,
    fact.usd_high,
    deal.source_ids,
    deal.confidence
from fact
inner join standing as deal
    on fact.deal_id = deal.deal_id
order by fact.measure, fact.fact, fact.deal_id, fact.other_deal_id

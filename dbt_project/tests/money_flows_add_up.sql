-- S6: what the payers of a deal pay to its payees is its value, to the cent; an estimate that no
-- party stated is no flow.
with flow as (
    select
        deal_id,
        flow_kind,
        sum(usd_low) as usd_low,
        sum(usd_base) as usd_base,
        sum(usd_high) as usd_high,
        count(usd_base) as valued_count,
        count(*) as flow_count
    from {{ ref('fct_money_flow') }}
    group by deal_id, flow_kind
),

deal as (
    select * from {{ ref('dim_deal') }}
)

select
    flow.deal_id,
    flow.flow_kind,
    flow.usd_base,
    deal.value_usd_base
from flow
inner join deal
    on flow.deal_id = deal.deal_id
where
    flow.valued_count not in (0, flow.flow_count)
    or (deal.is_value_estimate and flow.valued_count > 0)
    or (flow.flow_kind <> 'guarantee' and not deal.is_value_estimate and flow.valued_count = 0 and deal.value_usd_base is not null)
    or flow.usd_low <> deal.value_usd_low
    or flow.usd_base <> deal.value_usd_base
    or flow.usd_high <> deal.value_usd_high

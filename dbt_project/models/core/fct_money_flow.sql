with days as (
    select today as as_of_day from {{ ref('stg_ledger__build') }}
),

{{ standing('days') }},

{{ money_flows() }}

select
    flow.deal_id,
    flow.payer_id,
    flow.payee_id,
    flow.flow_kind,
    flow.usd_low,
    flow.usd_base,
    flow.usd_high,
    flow.is_cash,
    flow.is_conditional,
    flow.is_pass_through,
    deal.commitment,
    deal.is_firm,
    flow.known_on,
    deal.source_ids,
    deal.confidence
from money_flow as flow
inner join standing as deal
    on flow.deal_id = deal.deal_id

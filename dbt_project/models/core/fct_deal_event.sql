with event as (
    select * from {{ ref('int_deal_events__bounded') }}
),

deal as (
    select * from {{ ref('stg_ledger__deal') }}
)

select
    event.deal_id,
    cast(event.event_seq as integer) as event_seq,
    event.known_on,
    event.known_on_text,
    event.kind,
    event.commitment,
    event.capacity_gw_low,
    event.capacity_gw_base,
    event.capacity_gw_high,
    event.is_open_ended,
    event.power_basis,
    event.online_gw_low,
    event.online_gw_base,
    event.online_gw_high,
    event.value_usd_low,
    event.value_usd_base,
    event.value_usd_high,
    event.is_cash,
    event.is_conditional,
    event.original_amount,
    event.original_currency,
    event.starts_on,
    event.ends_on,
    event.source_ids,
    deal.confidence
from event
inner join deal
    on event.deal_id = deal.deal_id

with folded as (
    select * from {{ ref('int_deal_events__folded') }}
),

documents_so_far as (
    select * from {{ ref('int_deals__documents_so_far') }}
),

deal as (
    select * from {{ ref('stg_ledger__deal') }}
)

select
    folded.deal_id,
    folded.valid_from,
    folded.valid_to,
    deal.title,
    deal.kind,
    {{ layer_of('deal.kind', 'folded.power_basis') }} as layer,
    folded.first_known_on,
    folded.valid_from as last_known_on,
    folded.commitment,
    folded.commitment not in ('rumoured', 'cancelled') as is_announced,
    folded.commitment in ('definitive', 'delivered') as is_firm,
    folded.is_disputed,
    folded.capacity_gw_low,
    folded.capacity_gw_base,
    folded.capacity_gw_high,
    folded.is_open_ended,
    folded.power_basis,
    folded.online_gw_low,
    folded.online_gw_base,
    folded.online_gw_high,
    folded.value_usd_low,
    folded.value_usd_base,
    folded.value_usd_high,
    folded.is_value_open_ended,
    folded.is_cash,
    folded.is_conditional,
    folded.is_value_estimate,
    folded.value_known_on,
    folded.original_amount,
    folded.original_currency,
    folded.starts_on,
    folded.ends_on,
    documents_so_far.source_ids,
    case when documents_so_far.has_address = 1 then deal.confidence else 'low' end as confidence
from folded
inner join deal
    on folded.deal_id = deal.deal_id
inner join documents_so_far
    on folded.deal_id = documents_so_far.deal_id and folded.fold_seq = documents_so_far.fold_seq

with source as (
    select * from {{ source('raw_ledger', 'deal_link') }}
)

select
    deal_id,
    event_seq,
    link_seq,
    to_deal_id,
    relation,
    {{ period_last_day('known_on') }} as known_on,
    shared_gw_value,
    shared_gw_qualifier,
    shared_gw_low,
    shared_gw_high,
    shared_usd_value,
    shared_usd_qualifier,
    shared_usd_low,
    shared_usd_high,
    note
from source

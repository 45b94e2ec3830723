select
    deal_id,
    max(capacity_value) as capacity_gw_base
from {{ source('raw_ledger', 'deal_event') }}
group by deal_id

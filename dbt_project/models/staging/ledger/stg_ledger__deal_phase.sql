with source as (
    select * from {{ source('raw_ledger', 'deal_phase') }}
)

select
    deal_id,
    event_seq,
    phase_seq,
    capacity_value,
    capacity_qualifier,
    capacity_low,
    capacity_high,
    {{ period_first_day('starts') }} as promised_from,
    {{ period_last_day('coalesce(ends, starts)') }} as promised_to,
    {{ period_first_day('online_on') }} as online_on,
    {{ period_last_day('online_on') }} as online_until,
    note
from source

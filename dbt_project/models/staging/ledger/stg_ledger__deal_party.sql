with source as (
    select * from {{ source('raw_ledger', 'deal_party') }}
)

select
    deal_id,
    party_seq,
    org_id,
    role,
    share,
    {{ period_last_day('known_on') }} as known_on,
    note
from source

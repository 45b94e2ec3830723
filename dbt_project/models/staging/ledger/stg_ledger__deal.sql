with source as (
    select * from {{ source('raw_ledger', 'deal') }}
)

select
    deal_id,
    title,
    kind,
    confidence,
    notes,
    file,
    line
from source

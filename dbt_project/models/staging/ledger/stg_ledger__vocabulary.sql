with source as (
    select * from {{ source('raw_ledger', 'vocabulary') }}
)

select
    vocabulary,
    word,
    rank,
    meaning
from source

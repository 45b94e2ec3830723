with source as (
    select * from {{ source('raw_ledger', 'scenario') }}
)

select
    metric,
    unit,
    scenario,
    assumption_id,
    take,
    transform,
    tokens_per_prompt,
    notes,
    file,
    line
from source

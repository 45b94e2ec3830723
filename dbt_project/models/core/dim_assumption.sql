with assumption as (
    select * from {{ ref('stg_ledger__assumption') }}
)

select
    assumption_id,
    topic,
    metric,
    org_id,
    unit,
    cast(coalesce(low, value) as double) as low,
    cast(coalesce(value, (low + high) * 0.5) as double) as base,
    cast(coalesce(high, value) as double) as high,
    as_of_text,
    known_on,
    known_on_text,
    basis,
    notes,
    source_ids,
    confidence
from assumption

with source as (
    select * from {{ source('raw_openrouter', 'ranking') }}
)

select
    ranked_on,
    case when model_permaslug <> 'other' then {{ dbt.split_part('model_permaslug', "'/'", 1) }} end as maker,
    model_permaslug,
    model_id,
    tokens,
    vintage_at,
    snapshot_id,
    cast(as_of as date) as as_of_day,
    confidence
from source

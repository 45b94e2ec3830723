with router_day as (
    select * from {{ ref('int_router_tokens__daily') }}
)

select
    ranked_on,
    model_permaslug,
    maker,
    org_id,
    country,
    tokens,
    case when day_tokens > 0 then cast(tokens as double) / day_tokens end as share,
    vintage_at,
    {{ array_of(['snapshot_id']) }} as snapshot_ids,
    {{ no_source_ids() }} as source_ids,
    confidence
from router_day

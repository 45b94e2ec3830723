with organization_month as (
    select * from {{ ref('int_token_floor__by_organization') }}
)

select
    month,
    {{ steady_sum('tokens_per_month_low') }} as tokens_per_month_low,
    {{ steady_sum('tokens_per_month_base') }} as tokens_per_month_base,
    {{ steady_sum('tokens_per_month_high') }} as tokens_per_month_high,
    count(*) as organization_count,
    coalesce({{ steady_sum('case when is_carried then tokens_per_month_base end') }}, 0)
    / nullif({{ steady_sum('tokens_per_month_base') }}, 0) as carried_share,
    coalesce({{ steady_sum('case when is_estimated and not is_carried then tokens_per_month_base end') }}, 0)
    / nullif({{ steady_sum('tokens_per_month_base') }}, 0) as estimated_share,
    {{ array_union_agg('source_ids') }} as source_ids,
    {{ lowest_confidence('confidence') }} as confidence
from organization_month
group by month

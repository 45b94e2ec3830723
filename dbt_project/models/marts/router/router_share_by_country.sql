with router_day as (
    select * from {{ ref('int_router_tokens__daily') }}
),

by_country as (
    select
        cast({{ dbt.date_trunc('month', 'ranked_on') }} as date) as month,
        country,
        cast(sum(tokens) as bigint) as tokens,
        {{ array_agg_distinct('snapshot_id') }} as snapshot_ids,
        {{ lowest_confidence('confidence') }} as confidence
    from router_day
    group by cast({{ dbt.date_trunc('month', 'ranked_on') }} as date), country
),

by_month as (
    select
        cast({{ dbt.date_trunc('month', 'ranked_on') }} as date) as month,
        sum(tokens) as tokens,
        count(distinct ranked_on) as measured_day_count
    from router_day
    group by cast({{ dbt.date_trunc('month', 'ranked_on') }} as date)
)

select
    by_country.month,
    by_country.country,
    by_country.tokens,
    case when by_month.tokens > 0 then cast(by_country.tokens as double) / by_month.tokens end
        as share,
    by_month.measured_day_count,
    by_country.snapshot_ids,
    {{ no_source_ids() }} as source_ids,
    by_country.confidence
from by_country
inner join by_month
    on by_country.month = by_month.month

with router_day as (
    select * from {{ ref('int_router_tokens__daily') }}
),

stated_series as (
    select distinct
        org_id,
        scope,
        measure
    from {{ ref('fct_token_volume') }}
    where level = 'provider_total' and basis = 'stated'
),

provider_month as (
    select volume.*
    from {{ ref('token_volume_monthly') }} as volume
    inner join stated_series
        on
            volume.org_id = stated_series.org_id
            and volume.scope = stated_series.scope
            and volume.measure = stated_series.measure
),

measured as (
    select
        cast({{ dbt.date_trunc('month', 'ranked_on') }} as date) as month,
        count(distinct ranked_on) as day_count
    from router_day
    group by cast({{ dbt.date_trunc('month', 'ranked_on') }} as date)
),

router_month as (
    select
        cast({{ dbt.date_trunc('month', 'ranked_on') }} as date) as month,
        org_id,
        cast(sum(tokens) as double) as tokens,
        {{ array_agg_distinct('snapshot_id') }} as snapshot_ids,
        {{ lowest_confidence('confidence') }} as confidence
    from router_day
    where org_id is not null
    group by cast({{ dbt.date_trunc('month', 'ranked_on') }} as date), org_id
)

select
    router_month.month,
    router_month.org_id,
    router_month.tokens * 30.4375 / measured.day_count as router_tokens_per_month,
    measured.day_count as measured_day_count,
    provider_month.scope,
    provider_month.measure,
    provider_month.tokens_per_month_base as provider_tokens_per_month,
    provider_month.is_estimated as is_provider_estimated,
    router_month.snapshot_ids,
    coalesce(provider_month.source_ids, {{ no_source_ids() }}) as source_ids,
    {{ lower_confidence([
        'router_month.confidence', "coalesce(provider_month.confidence, 'high')"
    ]) }} as confidence
from router_month
inner join measured
    on router_month.month = measured.month
left join provider_month
    on router_month.org_id = provider_month.org_id and router_month.month = provider_month.month

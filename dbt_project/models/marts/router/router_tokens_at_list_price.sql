with router_day as (
    select * from {{ ref('int_router_tokens__daily') }}
),

price as (
    select * from {{ ref('stg_token_prices__price') }}
    where provider = 'openrouter' and input_usd_per_mtok is not null
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

known_price as (
    select price.*
    from price
    inner join build
        on price.as_of_day <= build.today
),

model_day as (
    select distinct
        ranked_on,
        model_id
    from router_day
    where model_permaslug <> 'other'
),

-- A list is not read every day: a price stands for a month after it was last seen.
dated_price as (
    select
        model_day.ranked_on,
        model_day.model_id,
        known_price.input_usd_per_mtok,
        known_price.output_usd_per_mtok,
        known_price.snapshot_id,
        known_price.confidence,
        row_number() over (
            partition by model_day.ranked_on, model_day.model_id
            order by
                known_price.from_day desc, known_price.change_number desc,
                known_price.as_of_day desc, known_price.snapshot_id
        ) as place
    from model_day
    inner join known_price
        on
            model_day.model_id = known_price.model_id
            and known_price.from_day <= model_day.ranked_on
            and {{ days_between('known_price.listed_until', 'model_day.ranked_on') }} <= 31
),

cached_price as (
    select
        model_day.ranked_on,
        model_day.model_id,
        known_price.cache_read_usd_per_mtok,
        known_price.snapshot_id,
        known_price.confidence,
        row_number() over (
            partition by model_day.ranked_on, model_day.model_id
            order by
                known_price.from_day desc nulls last, known_price.as_of_day desc,
                known_price.snapshot_id
        ) as place
    from model_day
    inner join known_price
        on
            model_day.model_id = known_price.model_id
            and coalesce(known_price.from_day, model_day.ranked_on) <= model_day.ranked_on
    where known_price.cache_read_usd_per_mtok is not null
),

priced_day as (
    select
        router_day.*,
        least(dated_price.input_usd_per_mtok, dated_price.output_usd_per_mtok) as usd_per_mtok,
        least(
            dated_price.input_usd_per_mtok,
            coalesce(dated_price.output_usd_per_mtok, dated_price.input_usd_per_mtok),
            coalesce(cached_price.cache_read_usd_per_mtok, dated_price.input_usd_per_mtok)
        ) as floor_usd_per_mtok,
        dated_price.snapshot_id as price_snapshot_id,
        cached_price.snapshot_id as cached_snapshot_id,
        {{ lower_confidence([
            'router_day.confidence',
            "coalesce(dated_price.confidence, 'high')",
            "coalesce(cached_price.confidence, 'high')"
        ]) }} as priced_confidence
    from router_day
    left join dated_price
        on
            router_day.ranked_on = dated_price.ranked_on
            and router_day.model_id = dated_price.model_id
            and dated_price.place = 1
    left join cached_price
        on
            router_day.ranked_on = cached_price.ranked_on
            and router_day.model_id = cached_price.model_id
            and cached_price.place = 1
    where router_day.model_permaslug <> 'other'
)

select
    cast({{ dbt.date_trunc('month', 'ranked_on') }} as date) as month,
    model_permaslug,
    model_id,
    org_id,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(case when usd_per_mtok is not null then tokens else 0 end) as bigint)
        as priced_tokens,
    cast(sum(cast(tokens as decimal(38, 0)) * usd_per_mtok) / 1000000 as {{ usd_type() }})
        as at_list_price_usd,
    cast(
        sum(
            case when usd_per_mtok is not null
                then cast(tokens as decimal(38, 0)) * floor_usd_per_mtok
            end
        ) / 1000000 as {{ usd_type() }}
    ) as at_floor_usd,
    true as is_lower_bound,
    {{ array_union([
        array_agg_distinct('snapshot_id'),
        array_agg_distinct('price_snapshot_id'),
        array_agg_distinct('cached_snapshot_id')
    ]) }} as snapshot_ids,
    {{ no_source_ids() }} as source_ids,
    {{ lowest_confidence('priced_confidence') }} as confidence
from priced_day
group by
    cast({{ dbt.date_trunc('month', 'ranked_on') }} as date), model_permaslug, model_id, org_id

with ranking as (
    select * from {{ ref('stg_openrouter__ranking') }}
),

maker as (
    select * from {{ ref('stg_openrouter__maker') }}
),

organization as (
    select * from {{ ref('stg_ledger__organization') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

newest_count as (
    select
        ranking.*,
        dense_rank() over (
            partition by ranking.ranked_on
            order by ranking.vintage_at desc, ranking.snapshot_id
        ) as place
    from ranking
    inner join build
        on cast(ranking.vintage_at as date) <= build.today
)

select
    newest_count.ranked_on,
    newest_count.model_permaslug,
    newest_count.model_id,
    newest_count.maker,
    organization.org_id,
    organization.country,
    newest_count.tokens,
    cast(sum(newest_count.tokens) over (partition by newest_count.ranked_on) as bigint)
        as day_tokens,
    newest_count.vintage_at,
    newest_count.snapshot_id,
    newest_count.confidence
from newest_count
left join maker
    on newest_count.maker = maker.maker
left join organization
    on maker.org_id = organization.org_id
where newest_count.place = 1

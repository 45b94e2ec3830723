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
    {{ newest_vintage('ranking', 'vintage_at', part='ranked_on') }}
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

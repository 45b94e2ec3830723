-- S9: what is not used of a series overlaps an observation that is: the rounds in which overlaps
-- are settled were enough.
with observation as (
    select * from {{ ref('fct_token_volume') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

used as (
    select * from {{ ref('int_token_volumes__neighbours') }}
),

known as (
    select
        observation.*,
        used.observation_id is not null as is_used
    from observation
    inner join build
        on observation.known_on <= build.today
    left join used
        on observation.observation_id = used.observation_id
    where observation.tokens_per_month_base is not null
),

-- An unused period looks back from its last day; used ones do not overlap, so the last suffices.
mark as (
    select
        observation_id, org_id, scope, measure, period_start, is_used,
        case when is_used then period_start else period_end end as placed_on,
        case when is_used then period_end end as used_end
    from known
),

last_used as (
    select
        *,
        max(used_end) over (
            partition by org_id, scope, measure
            order by placed_on, case when is_used then 0 else 1 end, observation_id
            rows between unbounded preceding and current row
        ) as last_used_end
    from mark
)

select
    observation_id,
    period_start,
    last_used_end
from last_used
where not is_used and coalesce(last_used_end < period_start, true)

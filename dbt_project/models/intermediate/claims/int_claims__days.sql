with claim as (
    select * from {{ ref('stg_ledger__claim') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

known_claim as (
    select
        claim.*,
        build.today,
        cast(claim.claimed_value as double) as figure_value,
        claim.claimed_qualifier as figure_qualifier,
        cast(claim.claimed_low as double) as figure_low,
        cast(claim.claimed_high as double) as figure_high
    from claim
    inner join build
        on claim.known_on <= build.today
),

bounded as (
    select
        *,
        {{ bounds('figure', 'bounded', 'double') }}
    from known_claim
),

clock as (
    select 'then' as asked
    union all
    select 'now' as asked
)

select
    bounded.claim_id,
    clock.asked,
    case when clock.asked = 'then' then bounded.known_on else bounded.today end as as_of_day,
    bounded.title,
    bounded.said_by,
    bounded.known_on,
    bounded.measure,
    bounded.org_id,
    coalesce(bounded.org_id, 'all') as customer_id,
    bounded.unit,
    bounded.claimed_qualifier,
    bounded.bounded_low as claimed_low,
    bounded.bounded_base as claimed_base,
    bounded.bounded_high as claimed_high,
    bounded.span_from,
    bounded.span_first_period_end,
    bounded.span_last_period_start,
    bounded.span_to,
    bounded.disputed_by,
    bounded.notes,
    bounded.source_ids,
    bounded.confidence
from bounded
cross join clock

-- Statements of token volumes that have a rate, in trillions a month of 30.4375 days: all, or of a
-- very large ledger the latest.
with latest as (
    select *
    from core.fct_token_volume
    where tokens_per_month_base > 0
    order by known_on desc, observation_id
    limit 5000
)

select
    organization.name as organization,
    seen.scope,
    seen.measure,
    seen.level,
    seen.basis,
    seen.known_on,
    seen.period_start,
    seen.period_end,
    seen.tokens_per_month_low / 1e12 as trillion_a_month_low,
    seen.tokens_per_month_base / 1e12 as trillion_a_month,
    seen.tokens_per_month_high / 1e12 as trillion_a_month_high,
    seen.period_middle as draw_on,
    concat_ws(' ', seen.org_id, seen.scope, seen.measure) as draw_series,
    seen.period_middle = max(seen.period_middle) over (
        partition by seen.org_id, seen.scope, seen.measure
    ) as draw_last,
    seen.source_ids,
    seen.confidence
from latest as seen
inner join core.dim_organization as organization
    on seen.org_id = organization.org_id
order by seen.level, organization.name, seen.scope, seen.measure, seen.period_start,
    seen.observation_id

-- Growth between neighbouring statements of one series, from the middle of one period to that of
-- the next: all, or of a very large ledger the latest.
with latest as (
    select *
    from marts.token_growth
    where from_tokens_per_month > 0 and to_tokens_per_month > 0
    order by known_on desc, from_observation_id, to_observation_id
    limit 5000
)

select
    organization.name as organization,
    growth.scope,
    growth.measure,
    growth.level,
    growth.from_on,
    growth.to_on,
    growth.from_tokens_per_month / 1e12 as from_trillion_a_month,
    growth.to_tokens_per_month / 1e12 as to_trillion_a_month,
    growth.yearly_growth_factor_low,
    growth.yearly_growth_factor,
    growth.yearly_growth_factor_high,
    growth.doubling_days,
    growth.is_short_span,
    growth.source_ids,
    growth.confidence
from latest as growth
inner join core.dim_organization as organization
    on growth.org_id = organization.org_id
order by growth.level, organization.name, growth.scope, growth.measure, growth.from_on,
    growth.from_observation_id

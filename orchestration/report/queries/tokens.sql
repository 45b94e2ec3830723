-- Every statement of a token volume that has a rate, in trillions a month of 30.4375 days.
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
    growth.yearly_growth_factor,
    seen.period_middle as draw_on,
    concat_ws(' ', seen.org_id, seen.scope, seen.measure) as draw_series,
    seen.period_middle = max(seen.period_middle) over (
        partition by seen.org_id, seen.scope, seen.measure
    ) as draw_last,
    seen.source_ids,
    seen.confidence
from core.fct_token_volume as seen
inner join core.dim_organization as organization
    on seen.org_id = organization.org_id
left join marts.token_growth as growth
    on seen.observation_id = growth.to_observation_id
where seen.tokens_per_month_base > 0
order by seen.level, organization.name, seen.scope, seen.measure, seen.period_start,
    seen.observation_id

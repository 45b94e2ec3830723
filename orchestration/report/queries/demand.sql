-- Power that the stated tokens need beside the power announced, month by month up to today.
with day as (
    select max(today) as today
    from audit.release
    where release_id = (select max(release_id) from audit.check_result)
)

select
    demand.month,
    any_value(demand.tokens_per_month) / 1e12 as trillion_tokens,
    any_value(demand.carried_share) as carried_share,
    max(case when demand.scenario = 'low' then demand.required_gw_hindsight end)
        as required_gw_low,
    max(case when demand.scenario = 'base' then demand.required_gw_hindsight end) as required_gw,
    max(case when demand.scenario = 'high' then demand.required_gw_hindsight end)
        as required_gw_high,
    any_value(demand.announced_gw) as announced_gw,
    any_value(demand.firm_gw) as firm_gw,
    any_value(demand.scheduled_gw) as scheduled_gw,
    any_value(demand.online_gw) as online_gw,
    list_sort(list_distinct(flatten(list(demand.source_ids)))) as source_ids,
    case
        when bool_or(demand.confidence = 'low') then 'low'
        when bool_or(demand.confidence = 'medium') then 'medium'
        else 'high'
    end as confidence
from marts.demand_vs_supply as demand
cross join day
where demand.month <= day.today
group by demand.month
order by demand.month

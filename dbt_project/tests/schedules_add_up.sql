-- S8: the months of a deal add up to what is scheduled of it, gigawatts for each of its customers,
-- dollars over all its flows, and scheduled and unscheduled make the headline.
with totals as (
    select * from {{ ref('schedule_totals') }}
),

capacity as (
    select
        deal_id,
        customer_id,
        sum(added_gw_low) as low,
        sum(added_gw_base) as base,
        sum(added_gw_high) as high
    from {{ ref('capacity_schedule') }}
    group by deal_id, customer_id
),

spend as (
    select
        deal_id,
        sum(usd_base) as base
    from {{ ref('spend_schedule') }}
    group by deal_id
)

select
    'capacity' as problem,
    totals.deal_id,
    capacity.customer_id,
    totals.scheduled_gw_base as scheduled,
    capacity.base as in_months
from totals
full outer join capacity
    on totals.deal_id = capacity.deal_id
where
    coalesce(totals.scheduled_gw_low, 0) <> coalesce(capacity.low, 0)
    or coalesce(totals.scheduled_gw_base, 0) <> coalesce(capacity.base, 0)
    or coalesce(totals.scheduled_gw_high, 0) <> coalesce(capacity.high, 0)
union all
select
    'spend' as problem,
    totals.deal_id,
    cast(null as {{ dbt.type_string() }}) as customer_id,
    totals.scheduled_usd_base as scheduled,
    spend.base as in_months
from totals
full outer join spend
    on totals.deal_id = spend.deal_id
where coalesce(totals.scheduled_usd_base, 0) <> coalesce(spend.base, 0)
union all
select
    'headline' as problem,
    totals.deal_id,
    cast(null as {{ dbt.type_string() }}) as customer_id,
    totals.scheduled_gw_base as scheduled,
    totals.unscheduled_gw_base as in_months
from totals
where
    totals.scheduled_gw_low + totals.unscheduled_gw_low <> totals.headline_gw_low
    or totals.scheduled_gw_base + totals.unscheduled_gw_base <> totals.headline_gw_base
    or totals.scheduled_gw_high + totals.unscheduled_gw_high <> totals.headline_gw_high
    or totals.scheduled_usd_base + totals.unscheduled_usd_base <> totals.headline_usd_base

-- Announced, firm, running and scheduled at each month end, as known then, and today.
with day as (
    select max(today) as today
    from audit.release
    where release_id = (select max(release_id) from audit.check_result)
),

known as (
    select
        month_end as as_of_day, gross_gw_base as gross_gw, net_gw_low, net_gw_base as net_gw,
        net_gw_high, firm_gw_base as firm_gw, online_gw_base as online_gw, deal_count, source_ids,
        confidence
    from marts.commitments_history
    where customer_id = 'all'
    union all
    select
        day.today as as_of_day, gross_gw_base as gross_gw, total_gw_low as net_gw_low,
        total_gw_base as net_gw, total_gw_high as net_gw_high, firm_gw_base as firm_gw,
        online_gw_base as online_gw, deal_count, source_ids, confidence
    from marts.capacity_by_customer
    cross join day
    where
        customer_id = 'all'
        and layer = 'net'
        and day.today not in (
            select month_end from marts.commitments_history where customer_id = 'all'
        )
)

select
    known.as_of_day, known.gross_gw, known.net_gw_low, known.net_gw, known.net_gw_high,
    known.firm_gw, demand.scheduled_gw, known.online_gw, known.deal_count, known.source_ids,
    known.confidence
from known
left join marts.demand_vs_supply as demand
    on date_trunc('month', known.as_of_day) = demand.month and demand.scenario = 'base'
order by known.as_of_day

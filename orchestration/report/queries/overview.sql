-- The figures of the first screen. table_name, row_key and column_name say to
-- `make explain` which figure it is.
with day as (
    select max(today) as today
    from audit.release
    where release_id = (select max(release_id) from audit.check_result)
),

capacity as (
    select * from marts.capacity_by_customer
    where customer_id = 'all'
),

spend as (
    select * from marts.spend_by_customer
    where customer_id = 'all'
),

-- The latest month of which at least half was said of that month itself, else the latest.
floor_month as (
    select month, organization_count
    from marts.token_world_floor
    cross join day
    where month <= day.today
    order by carried_share <= 0.5 desc, month desc
    limit 1
),

demand as (
    select
        demand.*,
        floor_month.organization_count
    from marts.demand_vs_supply as demand
    inner join floor_month
        on demand.month = floor_month.month
),

year_end as (
    select demand.*
    from marts.demand_vs_supply as demand
    cross join day
    where demand.month = make_date(year(day.today), 12, 1) and demand.scenario = 'base'
),

slips as (
    select * from marts.phase_slips
),

loops as (
    select * from marts.capital_loops
    where length <= 3
),

-- The documents of what is only counted; of very many rows, those of the first.
behind as (
    select what, list_sort(list_distinct(flatten(list(source_ids)))) as source_ids
    from (
        (select 'slipped' as what, source_ids from slips where slip_days > 0 limit 1000)
        union all
        (select 'overdue' as what, source_ids from slips where is_overdue limit 1000)
        union all
        (select 'loops' as what, source_ids from loops limit 1000)
    ) as row
    group by what
),

figure as (
    select
        'net_gw' as figure, total_gw_low as low, total_gw_base as base, total_gw_high as high,
        deal_count as other, null::bigint as providers, null::date as month,
        'marts.capacity_by_customer' as table_name,
        'all,net' as row_key, 'total_gw_base' as column_name, source_ids, confidence
    from capacity where layer = 'net'
    union all
    select
        'gross_gw', gross_gw_low, gross_gw_base, gross_gw_high, null, null, null,
        'marts.capacity_by_customer', 'all,net', 'gross_gw_base', source_ids, confidence
    from capacity where layer = 'net'
    union all
    select
        'firm_gw', firm_gw_low, firm_gw_base, firm_gw_high, null, null, null,
        'marts.capacity_by_customer', 'all,net', 'firm_gw_base', source_ids, confidence
    from capacity where layer = 'net'
    union all
    select
        'online_gw', null, online_gw_base, null, null, null, null,
        'marts.capacity_by_customer', 'all,net', 'online_gw_base', source_ids, confidence
    from capacity where layer = 'net'
    union all
    select
        'power_gw', total_gw_low, total_gw_base, total_gw_high, null, null, null,
        'marts.capacity_by_customer', 'all,power', 'total_gw_base', source_ids, confidence
    from capacity where layer = 'power'
    union all
    select
        'plan_gw', total_gw_low, total_gw_base, total_gw_high, null, null, null,
        'marts.capacity_by_customer', 'all,plan', 'total_gw_base', source_ids, confidence
    from capacity where layer = 'plan'
    union all
    select
        'scheduled_gw', null, scheduled_gw, null, null, null, month,
        'marts.demand_vs_supply', concat(month, ',base'), 'scheduled_gw', source_ids, confidence
    from year_end
    union all
    select
        'announced_usd', announced_usd_low, announced_usd_base, announced_usd_high,
        unvalued_deal_count, null, null, 'marts.spend_by_customer', 'all', 'announced_usd_base',
        source_ids, confidence
    from spend
    union all
    select
        'firm_usd', null, firm_usd_base, null, null, null, null,
        'marts.spend_by_customer', 'all', 'firm_usd_base', source_ids, confidence
    from spend
    union all
    select
        'capital_usd', null, capital_raised_usd_base, null, unvalued_capital_count, null, null,
        'marts.spend_by_customer', 'all', 'capital_raised_usd_base', source_ids, confidence
    from spend
    union all
    select
        'tokens', tokens_per_month_low, tokens_per_month, tokens_per_month_high, carried_share,
        organization_count, month, 'marts.demand_vs_supply', concat(month, ',base'),
        'tokens_per_month', source_ids, confidence
    from demand where scenario = 'base'
    union all
    select
        'required_gw',
        max(case when scenario = 'low' then required_gw_hindsight end),
        max(case when scenario = 'base' then required_gw_hindsight end),
        max(case when scenario = 'high' then required_gw_hindsight end),
        null, null, max(month), 'marts.demand_vs_supply', concat(max(month), ',base'),
        'required_gw_hindsight', list_sort(list_distinct(flatten(list(source_ids)))),
        case
            when bool_or(confidence = 'low') then 'low'
            when bool_or(confidence = 'medium') then 'medium'
            else 'high'
        end
    from demand
    having count(*) > 0
    union all
    select
        'slipped', null, count(*) filter (where slip_days > 0), null, count(*), null, null,
        'marts.phase_slips', null, 'slip_days',
        (select source_ids from behind where what = 'slipped'), null
    from slips
    union all
    select
        'overdue', null, count(*) filter (where is_overdue), null, count(*), null, null,
        'marts.phase_slips', null, 'is_overdue',
        (select source_ids from behind where what = 'overdue'), null
    from slips
    union all
    select
        'promised_once', null, count(*) filter (where times_promised = 1), null, count(*), null,
        null, 'marts.phase_slips', null, 'times_promised',
        null, null
    from slips
    union all
    select
        'loops', null, count(*), null, null, null, null, 'marts.capital_loops', null, 'loop_id',
        (select source_ids from behind where what = 'loops'), null
    from loops
)

select * from figure

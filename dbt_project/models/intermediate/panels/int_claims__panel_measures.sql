with panel as (
    select as_of_day from {{ ref('int_panel__days') }}
),

capacity as (
    select * from {{ ref('int_capacity__on_days') }}
),

spend as (
    select * from {{ ref('int_spend__on_days') }}
),

measured as (
    select
        as_of_day,
        customer_id,
        max(case when layer = 'net' then total_gw_low end) as net_gw_low,
        max(case when layer = 'net' then total_gw_base end) as net_gw_base,
        max(case when layer = 'net' then gross_gw_high end) as gross_gw_high,
        max(case when layer = 'chips' then total_gw_low end) as chips_gw_low,
        max(case when layer = 'chips' then total_gw_base end) as chips_gw_base,
        max(case when layer = 'chips' then total_gw_high end) as chips_gw_high,
        max(case when layer = 'plan' then total_gw_low end) as plan_gw_low,
        max(case when layer = 'plan' then total_gw_base end) as plan_gw_base,
        max(case when layer = 'plan' then total_gw_high end) as plan_gw_high
    from capacity
    group by as_of_day, customer_id
)

select
    panel.as_of_day,
    spend.customer_id,
    measured.net_gw_low,
    measured.net_gw_base,
    measured.gross_gw_high,
    measured.chips_gw_low,
    measured.chips_gw_base,
    measured.chips_gw_high,
    measured.plan_gw_low,
    measured.plan_gw_base,
    measured.plan_gw_high,
    spend.planned_usd_base as plan_usd_base,
    spend.announced_usd_low,
    spend.announced_usd_base,
    spend.announced_usd_high,
    spend.source_ids,
    spend.confidence
from panel
inner join spend
    on panel.as_of_day = spend.as_of_day
left join measured
    on spend.as_of_day = measured.as_of_day and spend.customer_id = measured.customer_id

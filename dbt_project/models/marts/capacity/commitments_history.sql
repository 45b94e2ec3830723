with panel as (
    select * from {{ ref('int_panel__days') }}
    where is_month_end
),

capacity as (
    select * from {{ ref('int_capacity__on_days') }}
    where layer = 'net'
),

spend as (
    select * from {{ ref('int_spend__on_days') }}
)

-- Every customer of the capacity panel stands in the spend panel too.
select
    panel.as_of_day as month_end,
    spend.customer_id,
    capacity.gross_gw_base,
    capacity.total_gw_low as net_gw_low,
    capacity.total_gw_base as net_gw_base,
    capacity.total_gw_high as net_gw_high,
    capacity.firm_gw_base,
    capacity.online_gw_base,
    spend.announced_usd_base,
    spend.implied_usd_base,
    coalesce(capacity.deal_count, 0) as deal_count,
    spend.source_ids,
    spend.confidence
from panel
inner join spend
    on panel.as_of_day = spend.as_of_day
left join capacity
    on spend.as_of_day = capacity.as_of_day and spend.customer_id = capacity.customer_id

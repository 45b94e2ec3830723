with days as (
    select today as as_of_day from {{ ref('stg_ledger__build') }}
),

{{ standing('days') }},

{{ schedule_panel() }},

flow as (
    select
        deal_id,
        sum(usd_base) as usd_base
    from {{ ref('fct_money_flow') }}
    where flow_kind in ('spend', 'plan') and is_cash
    group by deal_id
)

select
    deal.deal_id,
    cast(schedule.headline_low as {{ gw_type() }}) as headline_gw_low,
    cast(schedule.headline_base as {{ gw_type() }}) as headline_gw_base,
    cast(schedule.headline_high as {{ gw_type() }}) as headline_gw_high,
    cast(schedule.scheduled_low as {{ gw_type() }}) as scheduled_gw_low,
    cast(schedule.scheduled_base as {{ gw_type() }}) as scheduled_gw_base,
    cast(schedule.scheduled_high as {{ gw_type() }}) as scheduled_gw_high,
    cast(schedule.unscheduled_low as {{ gw_type() }}) as unscheduled_gw_low,
    cast(schedule.unscheduled_base as {{ gw_type() }}) as unscheduled_gw_base,
    cast(schedule.unscheduled_high as {{ gw_type() }}) as unscheduled_gw_high,
    cast(flow.usd_base as {{ usd_type() }}) as headline_usd_base,
    cast(case when deal.starts_on <= deal.ends_on then flow.usd_base when flow.usd_base is not null then 0 end
        as {{ usd_type() }}) as scheduled_usd_base,
    cast(case when deal.starts_on <= deal.ends_on and flow.usd_base is not null then 0 else flow.usd_base end
        as {{ usd_type() }}) as unscheduled_usd_base,
    deal.source_ids,
    deal.confidence
from standing as deal
left join schedule_deal as schedule
    on deal.deal_id = schedule.deal_id
left join flow
    on deal.deal_id = flow.deal_id
where schedule.deal_id is not null or flow.deal_id is not null

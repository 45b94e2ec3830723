with flow as (
    select * from {{ ref('fct_money_flow') }}
),

deal as (
    select * from {{ ref('dim_deal') }}
),

calendar as (
    select * from {{ ref('int_calendar__months') }}
),

dated as (
    select
        flow.*,
        {{ month_index('deal.starts_on') }} as from_month,
        {{ month_index('deal.ends_on') }} as to_month
    from flow
    inner join deal
        on flow.deal_id = deal.deal_id
    where
        flow.flow_kind in ('spend', 'plan')
        and flow.is_cash
        and flow.usd_base is not null
        and deal.starts_on <= deal.ends_on
)

select
    dated.deal_id,
    dated.payer_id,
    dated.payee_id,
    calendar.month,
    {% for bound in ['low', 'base', 'high'] %}
    {{ month_share('dated.usd_' ~ bound, 'calendar.month_index', 'dated.from_month', 'dated.to_month', usd_type()) }} as usd_{{ bound }},
    {% endfor %}
    dated.flow_kind,
    dated.is_firm,
    dated.is_pass_through,
    'spread' as basis,
    dated.source_ids,
    dated.confidence
from dated
inner join calendar
    on calendar.month_index between dated.from_month and dated.to_month

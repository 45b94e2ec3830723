{{ config(arguments=['day']) }}

with days as (
    select cast(day as date) as as_of_day
),

{{ standing('days') }},

{{ capacity_panel() }},

{{ money_flows() }},

{{ spend_panel() }},

{{ filed_as_of(published('fct_filed_quarter'), published('fct_filed_balance'), 'cast(day as date)') }},

recent_quarter as (
    select
        *,
        row_number() over (partition by org_id order by quarter_start desc) as quarters_ago
    from filed_capex
),

-- A year is four quarters on end; with a gap there is none.
filed_year as (
    select
        org_id,
        min(quarter_start) as quarter_start,
        max(quarter_end) as quarter_end,
        case
            when
                count(*) = 4
                and {{ month_index('max(quarter_start)') }} - {{ month_index('min(quarter_start)') }} = 9
                then sum(amount_usd)
        end as amount_usd,
        max(known_on) as known_on,
        {{ array_union_agg('snapshot_ids') }} as snapshot_ids,
        {{ lowest_confidence('confidence') }} as confidence
    from recent_quarter
    where quarters_ago <= 4
    group by org_id
),

latest_backlog as (
    select
        *,
        row_number() over (partition by org_id order by quarter_start desc) as quarters_ago
    from filed_backlog
)

select
    filed_year.org_id,
    filed_year.quarter_start,
    filed_year.quarter_end,
    cast(filed_year.amount_usd as {{ usd_type() }}) as filed_capex_usd,
    filed_year.known_on as filed_capex_known_on,
    backlog.amount_usd as filed_rpo_usd,
    backlog.balance_on as filed_rpo_on,
    spend.announced_usd_low as committed_usd_low,
    spend.announced_usd_base as committed_usd,
    spend.announced_usd_high as committed_usd_high,
    spend.firm_usd_base as firm_usd,
    spend.unvalued_deal_count,
    cast(spend.announced_usd_base as double) / nullif(cast(filed_year.amount_usd as double), 0)
        as years_of_capex,
    {{ array_union(['filed_year.snapshot_ids', 'backlog.snapshot_ids']) }} as snapshot_ids,
    coalesce(spend.source_ids, {{ no_source_ids() }}) as source_ids,
    {{ lower_confidence(['filed_year.confidence', "coalesce(spend.confidence, 'high')"]) }} as confidence
from filed_year
left join spend_customer as spend
    on filed_year.org_id = spend.customer_id
left join latest_backlog as backlog
    on filed_year.org_id = backlog.org_id and backlog.quarters_ago = 1
order by filed_year.org_id

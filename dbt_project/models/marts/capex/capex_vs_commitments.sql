with capex as (
    select * from {{ ref('fct_capex') }}
),

spend_schedule as (
    select * from {{ ref('spend_schedule') }}
),

commitments_history as (
    select * from {{ ref('commitments_history') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

{{ filed_as_of(ref('fct_filed_quarter'), ref('fct_filed_balance'), '(select today from build)') }},

organization as (
    select * from {{ ref('dim_organization') }}
),

scheduled_spend as (
    select
        payer_id as org_id,
        {{ quarter_first_day('month') }} as quarter_start,
        cast(sum(usd_low) as {{ usd_type() }}) as usd_low,
        cast(sum(usd_base) as {{ usd_type() }}) as usd_base,
        cast(sum(usd_high) as {{ usd_type() }}) as usd_high,
        {{ array_union_agg('source_ids') }} as source_ids,
        {{ lowest_confidence('confidence') }} as confidence
    from spend_schedule
    where flow_kind = 'spend'
    group by payer_id, {{ quarter_first_day('month') }}
),

committed as (
    select
        customer_id as org_id,
        {{ quarter_first_day('month_end') }} as quarter_start,
        announced_usd_base,
        source_ids,
        confidence
    from commitments_history
    where
        month_end = {{ add_days(add_months(quarter_first_day('month_end'), 3), -1) }}
        and announced_usd_base is not null
),

org_quarter as (
    select org_id, quarter_start from capex
    union
    select org_id, quarter_start from scheduled_spend
    union
    select org_id, quarter_start from committed
    union
    select org_id, quarter_start from filed_capex
    union
    select org_id, quarter_start from filed_backlog
)

select
    org_quarter.org_id,
    org_quarter.quarter_start,
    {{ add_days(add_months('org_quarter.quarter_start', 3), -1) }} as quarter_end,
    capex.capex_metric,
    capex.is_capex_comparable,
    capex.capex_usd,
    capex.rpo_metric,
    capex.rpo_usd,
    filed_capex.amount_usd as filed_capex_usd,
    filed_capex.known_on as filed_capex_known_on,
    filed_backlog.amount_usd as filed_rpo_usd,
    filed_backlog.known_on as filed_rpo_known_on,
    scheduled_spend.usd_low as scheduled_spend_usd_low,
    scheduled_spend.usd_base as scheduled_spend_usd,
    scheduled_spend.usd_high as scheduled_spend_usd_high,
    committed.announced_usd_base as committed_usd,
    {{ array_union(['filed_capex.snapshot_ids', 'filed_backlog.snapshot_ids']) }} as snapshot_ids,
    {{ array_union(['capex.source_ids', 'scheduled_spend.source_ids', 'committed.source_ids']) }}
        as source_ids,
    {{ lower_confidence([
        "coalesce(capex.confidence, 'high')",
        "coalesce(scheduled_spend.confidence, 'high')",
        "coalesce(committed.confidence, 'high')",
        "coalesce(filed_capex.confidence, 'high')",
        "coalesce(filed_backlog.confidence, 'high')"
    ]) }} as confidence
from org_quarter
-- `all` and `undisclosed` are no organisations.
inner join organization
    on org_quarter.org_id = organization.org_id
left join capex
    on org_quarter.org_id = capex.org_id and org_quarter.quarter_start = capex.quarter_start
left join scheduled_spend
    on
        org_quarter.org_id = scheduled_spend.org_id
        and org_quarter.quarter_start = scheduled_spend.quarter_start
left join committed
    on org_quarter.org_id = committed.org_id and org_quarter.quarter_start = committed.quarter_start
left join filed_capex
    on
        org_quarter.org_id = filed_capex.org_id
        and org_quarter.quarter_start = filed_capex.quarter_start
left join filed_backlog
    on
        org_quarter.org_id = filed_backlog.org_id
        and org_quarter.quarter_start = filed_backlog.quarter_start

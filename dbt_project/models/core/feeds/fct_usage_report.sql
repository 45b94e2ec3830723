with report as (
    select * from {{ ref('stg_epoch__usage_report') }}
),

company as (
    select * from {{ ref('stg_epoch__company') }}
),

organization as (
    select * from {{ ref('stg_ledger__organization') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

vintage as (
    {{ newest_vintage('report', 'as_of_day') }}
)

select
    vintage.report_id,
    vintage.company,
    organization.org_id,
    vintage.product,
    vintage.reported_for,
    vintage.reported_on,
    vintage.active_users,
    vintage.active_users_period,
    vintage.daily_tokens,
    vintage.daily_messages,
    vintage.source_kind,
    vintage.source_url,
    vintage.stated_confidence,
    {{ array_of(['vintage.snapshot_id']) }} as snapshot_ids,
    {{ no_source_ids() }} as source_ids,
    case
        when vintage.stated_confidence = 'Uncertain' then 'low'
        when vintage.stated_confidence = 'Likely' then {{ lower_confidence([
            'vintage.confidence', "'medium'"
        ]) }}
        else vintage.confidence
    end as confidence
from vintage
left join company
    on vintage.company = company.company
left join organization
    on company.org_id = organization.org_id

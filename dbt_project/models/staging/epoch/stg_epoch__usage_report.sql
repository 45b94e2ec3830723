with source as (
    select * from {{ source('raw_epoch', 'usage_report') }}
)

select
    report_id,
    company,
    product,
    reported_for,
    reported_on,
    active_users,
    active_users_period,
    daily_tokens,
    daily_messages,
    source_kind,
    source_url,
    stated_confidence,
    snapshot_id,
    cast(as_of as date) as as_of_day,
    confidence
from source

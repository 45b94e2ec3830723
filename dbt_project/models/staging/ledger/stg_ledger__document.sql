with source as (
    select * from {{ source('raw_ledger', 'document') }}
)

select
    source_id,
    publisher,
    title,
    url,
    locator,
    {{ period_last_day('published_on') }} as published_on,
    published_on as published_on_text,
    tier,
    read,
    reports_on,
    note,
    file,
    line
from source

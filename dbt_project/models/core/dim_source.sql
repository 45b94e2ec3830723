with document as (
    select * from {{ ref('stg_ledger__document') }}
)

select
    source_id,
    publisher,
    title,
    url,
    locator,
    published_on,
    published_on_text,
    tier,
    read,
    reports_on,
    note,
    {{ array_of(['source_id']) }} as source_ids,
    case
        when tier = 'primary' and read in ('full', 'excerpt') and url is not null then 'high'
        else 'low'
    end as confidence
from document

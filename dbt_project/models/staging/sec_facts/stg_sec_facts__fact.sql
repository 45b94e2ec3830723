with source as (
    select * from {{ source('raw_sec_facts', 'fact') }}
)

select
    cik,
    tag,
    period_start,
    period_end,
    is_start_derived,
    amount_usd,
    form,
    fiscal_year,
    fiscal_period,
    accession,
    filed_on,
    snapshot_id,
    cast(as_of as date) as as_of_day,
    confidence
from source

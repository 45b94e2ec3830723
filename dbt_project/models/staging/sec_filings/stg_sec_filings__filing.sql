with source as (
    select * from {{ source('raw_sec_filings', 'filing') }}
)

select
    cik,
    accession,
    file_name,
    form,
    filed_on,
    company,
    snapshot_id,
    cast(as_of as date) as as_of_day,
    confidence
from source

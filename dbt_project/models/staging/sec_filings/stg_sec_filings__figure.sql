with source as (
    select * from {{ source('raw_sec_filings', 'figure') }}
)

select
    cik,
    accession,
    file_name,
    figure_number,
    quantity,
    unit,
    quote,
    score,
    snapshot_id,
    cast(as_of as date) as as_of_day,
    confidence
from source

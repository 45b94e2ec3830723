with rate as (
    select * from {{ ref('stg_ecb__rate') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

-- The euro itself is no column of the file.
listed as (
    select
        rate_on,
        currency,
        units_per_euro,
        snapshot_id,
        confidence
    from rate
    where currency <> 'USD'
    union all
    select
        rate_on,
        'EUR' as currency,
        cast(1 as decimal(18, 6)) as units_per_euro,
        snapshot_id,
        confidence
    from rate
    where currency = 'USD'
),

dollar as (
    select
        rate_on,
        units_per_euro as usd_per_euro
    from rate
    where currency = 'USD'
)

select
    listed.rate_on,
    listed.currency,
    listed.units_per_euro,
    cast(listed.units_per_euro / dollar.usd_per_euro as decimal(18, 6)) as units_per_dollar,
    {{ array_of(['listed.snapshot_id']) }} as snapshot_ids,
    {{ no_source_ids() }} as source_ids,
    listed.confidence
from listed
inner join build
    on listed.rate_on <= build.today
left join dollar
    on listed.rate_on = dollar.rate_on

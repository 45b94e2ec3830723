with fact as (
    select * from {{ ref('stg_sec_facts__fact') }}
    where period_start is null
),

organization as (
    select * from {{ ref('stg_ledger__organization') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

-- Two filings of a day, or two snapshots of a filing, are one statement.
filed as (
    select
        organization.org_id,
        fact.*,
        row_number() over (
            partition by organization.org_id, fact.tag, fact.period_end, fact.filed_on
            order by fact.accession desc, fact.snapshot_id
        ) as place
    from fact
    inner join organization
        on fact.cik = organization.cik
    inner join build
        on fact.filed_on <= build.today
),

compared as (
    select
        *,
        lag(amount_usd) over (
            partition by org_id, tag, period_end order by filed_on
        ) as earlier_amount_usd
    from filed
    where place = 1
),

changed as (
    select * from compared
    where earlier_amount_usd is null or earlier_amount_usd <> amount_usd
)

select
    org_id,
    cik,
    tag,
    {{ quarter_first_day('period_end') }} as quarter_start,
    {{ add_days(add_months(quarter_first_day('period_end'), 3), -1) }} as quarter_end,
    period_end as balance_on,
    cast(amount_usd as {{ usd_type() }}) as amount_usd,
    filed_on as known_on,
    lead(filed_on) over (partition by org_id, tag, period_end order by filed_on) as valid_to,
    accession,
    {{ array_of(['snapshot_id']) }} as snapshot_ids,
    {{ no_source_ids() }} as source_ids,
    confidence
from changed

with fact as (
    select * from {{ ref('stg_sec_facts__fact') }}
    where period_start is not null
),

organization as (
    select * from {{ ref('stg_ledger__organization') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

filed as (
    select
        organization.org_id,
        fact.*,
        cast(
            round(({{ days_between('fact.period_start', 'fact.period_end') }} + 1) / 30.4375, 0)
            as integer
        ) as month_count
    from fact
    inner join organization
        on fact.cik = organization.cik
    inner join build
        on fact.filed_on <= build.today
),

filing_day as (
    select distinct
        org_id,
        tag,
        filed_on as known_on
    from filed
),

version as (
    select
        filing_day.known_on,
        filed.*,
        row_number() over (
            partition by
                filing_day.known_on, filed.org_id, filed.tag, filed.period_start, filed.period_end
            order by filed.filed_on desc, filed.accession desc, filed.snapshot_id
        ) as place
    from filing_day
    inner join filed
        on
            filing_day.org_id = filed.org_id
            and filing_day.tag = filed.tag
            and filed.filed_on <= filing_day.known_on
),

period as (
    select * from version
    where place = 1
),

longer as (
    select * from period
    where month_count in (6, 9, 12)
),

-- What a longer period holds before its last quarter: one period, or quarters one by one.
before_by_one as (
    select
        longer.known_on,
        longer.org_id,
        longer.tag,
        longer.period_end,
        shorter.period_end as last_end,
        shorter.amount_usd as amount_usd
    from longer
    inner join period as shorter
        on
            longer.known_on = shorter.known_on
            and longer.org_id = shorter.org_id
            and longer.tag = shorter.tag
            and longer.period_start = shorter.period_start
            and longer.month_count = shorter.month_count + 3
),

before_by_quarters as (
    select
        longer.known_on,
        longer.org_id,
        longer.tag,
        longer.period_end,
        max(quarter.period_end) as last_end,
        sum(quarter.amount_usd) as amount_usd
    from longer
    inner join period as quarter
        on
            longer.known_on = quarter.known_on
            and longer.org_id = quarter.org_id
            and longer.tag = quarter.tag
            and quarter.month_count = 3
            and quarter.period_start >= longer.period_start
            and quarter.period_end < longer.period_end
    group by
        longer.known_on, longer.org_id, longer.tag, longer.period_end, longer.month_count
    having count(*) = longer.month_count / 3 - 1
),

candidate as (
    select
        known_on,
        org_id,
        cik,
        tag,
        period_start,
        period_end,
        amount_usd,
        'stated' as derivation,
        1 as preference,
        accession,
        snapshot_id,
        confidence
    from period
    where month_count = 3
    {% for before, preference in [('before_by_one', 2), ('before_by_quarters', 3)] %}
    union all
    select
        longer.known_on,
        longer.org_id,
        longer.cik,
        longer.tag,
        {{ add_days('earlier.last_end', 1) }} as period_start,
        longer.period_end,
        longer.amount_usd - earlier.amount_usd as amount_usd,
        'difference' as derivation,
        {{ preference }} as preference,
        longer.accession,
        longer.snapshot_id,
        longer.confidence
    from longer
    inner join {{ before }} as earlier
        on
            longer.known_on = earlier.known_on
            and longer.org_id = earlier.org_id
            and longer.tag = earlier.tag
            and longer.period_end = earlier.period_end
    {% endfor %}
),

preferred as (
    select
        candidate.*,
        row_number() over (
            partition by known_on, org_id, tag, period_end
            order by preference, period_start desc, accession
        ) as place
    from candidate
),

told as (
    select
        preferred.*,
        lag(amount_usd) over (
            partition by org_id, tag, period_end
            order by known_on
        ) as earlier_amount_usd
    from preferred
    where place = 1
),

changed as (
    select
        told.*,
        lead(known_on) over (
            partition by org_id, tag, period_end
            order by known_on
        ) as valid_to,
        {{ add_days('period_end', -45) }} as middle_on
    from told
    where earlier_amount_usd is null or earlier_amount_usd <> amount_usd
)

select
    org_id,
    cik,
    tag,
    {{ quarter_first_day('middle_on') }} as quarter_start,
    {{ add_days(add_months(quarter_first_day('middle_on'), 3), -1) }} as quarter_end,
    period_start,
    period_end,
    cast(amount_usd as {{ usd_type() }}) as amount_usd,
    derivation,
    known_on,
    valid_to,
    accession,
    {{ array_of(['snapshot_id']) }} as snapshot_ids,
    {{ no_source_ids() }} as source_ids,
    confidence
from changed

with filing as (
    select * from {{ ref('stg_sec_filings__filing') }}
),

figure as (
    select * from {{ ref('stg_sec_filings__figure') }}
),

organization as (
    select * from {{ ref('stg_ledger__organization') }}
),

document as (
    select * from {{ ref('stg_ledger__document') }}
),

found as (
    select
        accession,
        file_name,
        cik,
        max(company) as company,
        max(form) as form,
        max(filed_on) as filed_on,
        {{ array_agg_distinct('snapshot_id') }} as snapshot_ids
    from filing
    group by accession, file_name, cik
),

ranked_figure as (
    select
        figure.*,
        case unit when 'GW' then quantity when 'MW' then quantity / 1000 end as gw,
        case when unit = 'USD' then quantity end as usd,
        row_number() over (
            partition by accession, file_name, cik
            order by score desc, unit, quantity desc, figure_number
        ) as place
    from figure
),

summed as (
    select
        accession,
        file_name,
        cik,
        max(gw) as largest_gw,
        max(usd) as largest_usd,
        count(*) as figure_count,
        max(score) as score,
        max(case when place = 1 then quote end) as best_quote,
        {{ array_agg_distinct('snapshot_id') }} as snapshot_ids
    from ranked_figure
    group by accession, file_name, cik
),

placed as (
    select
        found.*,
        organization.org_id,
        concat(
            'https://www.sec.gov/Archives/edgar/data/', cast(cast(found.cik as bigint) as varchar), '/',
            {{ dbt.replace('found.accession', "'-'", "''") }}, '/', found.file_name
        ) as url
    from found
    inner join organization
        on found.cik = organization.cik
),

cited as (
    select distinct url
    from document
)

select
    concat(placed.accession, ':', placed.file_name) as candidate_id,
    placed.org_id,
    placed.company,
    placed.form,
    placed.filed_on,
    placed.url,
    cast(summed.largest_gw as {{ gw_type() }}) as largest_gw,
    cast(summed.largest_usd as {{ usd_type() }}) as largest_usd,
    coalesce(summed.figure_count, 0) as figure_count,
    cast(
        coalesce(summed.score, 0) + case when placed.form = '8-K' then 1 else 0 end as integer
    ) as score,
    summed.best_quote,
    cited.url is not null as is_cited,
    {{ array_union(['placed.snapshot_ids', 'summed.snapshot_ids']) }} as snapshot_ids
from placed
left join summed
    on
        placed.accession = summed.accession
        and placed.file_name = summed.file_name
        and placed.cik = summed.cik
left join cited
    on placed.url = cited.url

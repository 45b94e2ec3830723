with organization as (
    select * from {{ ref('stg_ledger__organization') }}
),

first_named as (
    select * from {{ ref('int_organizations__first_named') }}
)

select
    organization.org_id,
    organization.name,
    organization.kind,
    organization.country,
    organization.ticker,
    organization.cik,
    first_named.first_named_on,
    coalesce(first_named.source_ids, {{ no_source_ids() }}) as source_ids,
    coalesce(first_named.confidence, 'low') as confidence
from organization
left join first_named
    on organization.org_id = first_named.org_id

with deal as (
    select * from {{ ref('stg_ledger__deal') }}
),

deal_event as (
    select * from {{ ref('stg_ledger__deal_event') }}
    where event_seq = 1
),

deal_party as (
    select * from {{ ref('stg_ledger__deal_party') }}
),

token_observation as (
    select * from {{ ref('stg_ledger__token_observation') }}
),

financial_figure as (
    select * from {{ ref('int_financial_figures__dated') }}
),

assumption as (
    select * from {{ ref('stg_ledger__assumption') }}
    where org_id is not null
),

claim as (
    select * from {{ ref('stg_ledger__claim') }}
),

named as (
    select
        party.org_id,
        greatest(first_event.known_on, coalesce(party.known_on, first_event.known_on)) as known_on,
        first_event.source_ids,
        deal.confidence,
        'deal' as record_kind,
        deal.deal_id as record_id
    from deal_party as party
    inner join deal_event as first_event
        on party.deal_id = first_event.deal_id
    inner join deal
        on party.deal_id = deal.deal_id
    union all
    select org_id, known_on, source_ids, confidence, 'token_observation', observation_id
    from token_observation
    union all
    select org_id, known_on, source_ids, confidence, 'capex', capex_id
    from financial_figure
    union all
    select org_id, known_on, source_ids, confidence, 'assumption', assumption_id
    from assumption
    union all
    select coalesce(org_id, said_by), known_on, source_ids, confidence, 'claim', claim_id
    from claim
    where coalesce(org_id, said_by) is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by org_id order by known_on nulls last, record_kind, record_id
        ) as preference
    from named
),

earliest as (
    select * from ranked
    where preference = 1
)

select
    org_id,
    known_on as first_named_on,
    record_kind,
    record_id,
    source_ids,
    confidence
from earliest

with party as (
    select * from {{ ref('stg_ledger__deal_party') }}
),

first_known as (
    select
        deal_id,
        min(known_on) as known_on
    from {{ ref('int_deal_events__bounded') }}
    group by deal_id
),

deal as (
    select * from {{ ref('int_deals__described') }}
)

select
    party.deal_id,
    cast(party.party_seq as integer) as party_seq,
    party.org_id,
    party.role,
    party.share,
    greatest(coalesce(party.known_on, first_known.known_on), first_known.known_on) as known_on,
    deal.source_ids,
    deal.confidence
from party
inner join first_known
    on party.deal_id = first_known.deal_id
inner join deal
    on party.deal_id = deal.deal_id

with version as (
    select * from {{ ref('int_deal_lists__versioned') }}
    where item_kind = 'links'
),

link as (
    select
        deal_id,
        event_seq,
        link_seq,
        to_deal_id,
        relation,
        known_on,
        {{ bounds('shared_gw', 'shared_gw', gw_type()) }},
        {{ bounds('shared_usd', 'shared_usd', usd_type()) }}
    from {{ ref('stg_ledger__deal_link') }}
),

deal as (
    select * from {{ ref('int_deals__described') }}
),

versioned as (
    select
        link.*,
        version.valid_to,
        greatest(coalesce(link.known_on, version.valid_from), version.valid_from) as known_from
    from link
    inner join version
        on link.deal_id = version.deal_id and link.event_seq = version.event_seq
)

select
    versioned.deal_id,
    versioned.to_deal_id,
    versioned.relation,
    cast(versioned.link_seq as integer) as link_seq,
    versioned.shared_gw_low,
    versioned.shared_gw_base,
    versioned.shared_gw_high,
    versioned.shared_usd_low,
    versioned.shared_usd_base,
    versioned.shared_usd_high,
    versioned.shared_usd_base as shared_usd,
    versioned.known_from as known_on,
    versioned.valid_to,
    deal.source_ids,
    deal.confidence
from versioned
inner join deal
    on versioned.deal_id = deal.deal_id
where versioned.valid_to is null or versioned.valid_to > versioned.known_from

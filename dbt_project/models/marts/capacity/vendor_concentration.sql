with days as (
    select today as as_of_day from {{ ref('stg_ledger__build') }}
),

{{ standing('days') }},

-- Parts are counted as what they are, so their holder gives way; both sides of an overlap give half.
eliminated as (
    select
        customer_id,
        deal_id,
        sum(gw_base) as gw_base
    from (
        select customer_id, other_deal_id as deal_id, eliminated_gw_base as gw_base
        from {{ ref('capacity_eliminations') }}
        where layer = 'chips' and reason = 'part_of'
        union all
        select customer_id, deal_id, eliminated_gw_base / 2 as gw_base
        from {{ ref('capacity_eliminations') }}
        where layer = 'chips' and reason = 'overlap'
        union all
        select customer_id, other_deal_id as deal_id, eliminated_gw_base / 2 as gw_base
        from {{ ref('capacity_eliminations') }}
        where layer = 'chips' and reason = 'overlap'
    ) as given_way
    group by customer_id, deal_id
),

maker as (
    select
        as_of_day,
        deal_id,
        org_id,
        role,
        party_seq,
        known_on,
        share as stated_share,
        max(case when role = 'chip_vendor' then 1 else 0 end) over (
            partition by as_of_day, deal_id
        ) as names_vendor
    from party_known
    where role in ('chip_vendor', 'supplier')
),

vendor_named as (
    select
        as_of_day,
        deal_id,
        org_id,
        min(party_seq) as party_seq,
        min(known_on) as known_on,
        sum(stated_share) as stated_share
    from maker
    where role = 'chip_vendor' or names_vendor = 0
    group by as_of_day, deal_id, org_id
),

{{ party_shares('vendor', 'vendor_named', ['as_of_day', 'deal_id']) }},

supplied as (
    select
        customer.customer_id,
        coalesce(vendor.org_id, 'undisclosed') as chip_vendor_id,
        greatest(deal.capacity_gw_base - coalesce(eliminated.gw_base, 0), 0)
        * coalesce(vendor.share, 1) as chips_gw,
        deal.source_ids,
        deal.confidence
    from customer_of as customer
    inner join standing as deal
        on customer.deal_id = deal.deal_id
    left join vendor
        on deal.deal_id = vendor.deal_id
    left join eliminated
        on customer.customer_id = eliminated.customer_id and customer.deal_id = eliminated.deal_id
    where deal.layer = 'chips' and deal.capacity_gw_base is not null
),

by_vendor as (
    select
        customer_id,
        chip_vendor_id,
        cast(sum(chips_gw) as {{ gw_type() }}) as chips_gw_base,
        {{ array_union_agg('source_ids') }} as source_ids,
        {{ lowest_confidence('confidence') }} as confidence
    from supplied
    group by customer_id, chip_vendor_id
),

shared as (
    select
        by_vendor.*,
        cast(chips_gw_base as double)
        / nullif(cast(sum(chips_gw_base) over (partition by customer_id) as double), 0) as share
    from by_vendor
)

select
    customer_id,
    chip_vendor_id,
    chips_gw_base,
    cast(round(share, 9) as double) as share,
    cast(round(sum(share * share) over (partition by customer_id), 9) as double) as hhi,
    source_ids,
    confidence
from shared

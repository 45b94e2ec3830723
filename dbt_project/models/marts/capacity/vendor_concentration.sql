with days as (
    select today as as_of_day from {{ ref('stg_ledger__build') }}
),

{{ standing('days') }},

eliminated as (
    select
        customer_id,
        deal_id,
        sum(eliminated_gw_base) as eliminated_gw_base
    from {{ ref('capacity_eliminations') }}
    where layer = 'chips' and reason <> 'layer'
    group by customer_id, deal_id
),

vendor_candidate as (
    select
        deal_id,
        org_id,
        case role when 'chip_vendor' then 1 else 2 end as preference
    from party_known
    where role in ('chip_vendor', 'supplier')
),

vendor as (
    select
        candidate.deal_id,
        candidate.org_id,
        count(*) over (partition by candidate.deal_id) as vendor_count
    from (
        select distinct
            vendor_candidate.deal_id,
            vendor_candidate.org_id
        from vendor_candidate
        inner join (
            select
                deal_id,
                min(preference) as preference
            from vendor_candidate
            group by deal_id
        ) as preferred
            on
                vendor_candidate.deal_id = preferred.deal_id
                and vendor_candidate.preference = preferred.preference
    ) as candidate
),

-- What a deal adds to its customer's chips layer, shared evenly by its chip vendors.
supplied as (
    select
        customer.customer_id,
        coalesce(vendor.org_id, 'undisclosed') as chip_vendor_id,
        greatest(deal.capacity_gw_base - coalesce(eliminated.eliminated_gw_base, 0), 0)
        / coalesce(vendor.vendor_count, 1) as chips_gw,
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

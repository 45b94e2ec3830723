with scheduled as (
    select * from {{ ref('int_capacity__scheduled') }}
),

days as (
    select today as as_of_day from {{ ref('stg_ledger__build') }}
),

{{ standing('days') }},

-- One chip vendor is named; of several, none can be.
chip_vendor as (
    select
        deal_id,
        min(org_id) as chip_vendor_id
    from party_known
    where role = 'chip_vendor'
    group by deal_id
    having count(distinct org_id) = 1
)

select
    scheduled.deal_id,
    coalesce(customer.customer_id, 'undisclosed') as customer_id,
    chip_vendor.chip_vendor_id,
    deal.layer,
    scheduled.month,
    cast(scheduled.added_gw_low as {{ gw_type() }}) as added_gw_low,
    cast(scheduled.added_gw_base as {{ gw_type() }}) as added_gw_base,
    cast(scheduled.added_gw_high as {{ gw_type() }}) as added_gw_high,
    deal.is_firm,
    scheduled.basis,
    deal.source_ids,
    deal.confidence
from scheduled
inner join standing as deal
    on scheduled.deal_id = deal.deal_id
left join customer_of as customer
    on scheduled.deal_id = customer.deal_id and customer.customer_id <> 'all'
left join chip_vendor
    on scheduled.deal_id = chip_vendor.deal_id

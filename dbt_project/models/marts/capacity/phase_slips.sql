with today as (
    select today from {{ ref('stg_ledger__build') }}
),

phase as (
    select
        fct.*,
        {{ holds_on('today.today', 'fct.known_on', 'fct.valid_to') }} as is_promised
    from {{ ref('fct_deal_phase') }} as fct
    inner join today
        on fct.known_on <= today.today
),

deal as (
    select * from {{ ref('dim_deal') }}
),

party as (
    select fct.*
    from {{ ref('fct_deal_party') }} as fct
    inner join today
        on fct.known_on <= today.today
),

ranked as (
    select
        phase.*,
        row_number() over (partition by deal_id, phase_seq order by known_on desc) as last_order,
        sum(case when promised_from is not null or online_on is not null then capacity_gw_base end)
            over (partition by deal_id, known_on, valid_to order by phase_seq) as so_far_gw
    from phase
),

-- A phase that was never promised for a date cannot slip.
span as (
    select * from ranked
    where last_order = 1 and first_promised is not null
),

builder as (
    select
        deal_id,
        org_id,
        row_number() over (
            partition by deal_id
            order by case role when 'developer' then 1 when 'landlord' then 2 else 3 end, party_seq
        ) as preference
    from party
    where role in ('developer', 'landlord', 'cloud_provider', 'chip_vendor', 'supplier', 'power_supplier')
),

customer as (
    select
        deal_id,
        org_id,
        row_number() over (
            partition by deal_id
            order by case role when 'customer' then 1 when 'tenant' then 2 else 3 end, party_seq
        ) as preference
    from party
    where role in ('customer', 'tenant', 'sponsor')
)

select
    span.deal_id,
    span.phase_seq,
    span.first_promised,
    span.latest_promised,
    {{ days_between('span.first_promised', 'span.latest_promised') }} as slip_days,
    builder.org_id as developer_id,
    customer.org_id as customer_id,
    -- Still promised, the last promised day is past, and what runs does not reach this phase.
    coalesce(
        deal.commitment <> 'delivered'
        and deal.commitment <> 'cancelled'
        and span.is_promised
        and span.online_on is null
        and span.promised_to < today.today
        and coalesce(deal.online_gw_base, 0) < coalesce(span.so_far_gw, 0.000000001),
        false
    ) as is_overdue,
    span.times_promised,
    deal.source_ids,
    deal.confidence
from span
inner join deal
    on span.deal_id = deal.deal_id
cross join today
left join builder
    on span.deal_id = builder.deal_id and builder.preference = 1
left join customer
    on span.deal_id = customer.deal_id and customer.preference = 1

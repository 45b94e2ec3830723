with version as (
    select * from {{ ref('int_deal_lists__versioned') }}
    where item_kind = 'phases'
),

phase as (
    select
        deal_id,
        event_seq,
        phase_seq,
        {{ bounds('capacity', 'capacity_gw', gw_type()) }},
        promised_from,
        promised_to,
        online_on
    from {{ ref('stg_ledger__deal_phase') }}
),

deal as (
    select * from {{ ref('int_deals__described') }}
),

versioned as (
    select
        phase.*,
        version.fold_seq,
        version.valid_from,
        version.valid_to,
        coalesce(phase.online_on, phase.promised_from) as starts_on
    from phase
    inner join version
        on phase.deal_id = version.deal_id and phase.event_seq = version.event_seq
),

promised as (
    select
        versioned.*,
        first_value(promised_from ignore nulls) over (
            partition by deal_id, phase_seq order by fold_seq
            rows between unbounded preceding and current row
        ) as first_promised
    from versioned
)

select
    promised.deal_id,
    cast(promised.phase_seq as integer) as phase_seq,
    promised.valid_from as known_on,
    promised.valid_to,
    promised.capacity_gw_low,
    promised.capacity_gw_base,
    promised.capacity_gw_high,
    promised.promised_from,
    promised.promised_to,
    promised.online_on,
    promised.valid_to is null as is_latest,
    {{ days_between('promised.first_promised', 'promised.starts_on') }} as slip_days,
    deal.source_ids,
    deal.confidence
from promised
inner join deal
    on promised.deal_id = deal.deal_id

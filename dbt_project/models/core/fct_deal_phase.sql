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
        online_on,
        online_until
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

counted as (
    select
        *,
        count(promised_from) over (
            partition by deal_id, phase_seq order by fold_seq
            rows between unbounded preceding and current row
        ) as times_promised,
        count(starts_on) over (
            partition by deal_id, phase_seq order by fold_seq
            rows between unbounded preceding and current row
        ) as times_dated,
        row_number() over (
            partition by deal_id, phase_seq, valid_from order by fold_seq desc
        ) as from_last_of_day
    from versioned
),

promised as (
    select
        *,
        max(case when times_promised = 1 then promised_from end) over (
            partition by deal_id, phase_seq order by fold_seq
            rows between unbounded preceding and current row
        ) as first_promised,
        max(starts_on) over (partition by deal_id, phase_seq, times_dated) as latest_promised
    from counted
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
    promised.online_until,
    promised.valid_to is null as is_latest,
    promised.first_promised,
    promised.latest_promised,
    cast(promised.times_promised as integer) as times_promised,
    {{ days_between('promised.first_promised', 'promised.starts_on') }} as slip_days,
    deal.source_ids,
    deal.confidence
from promised
inner join deal
    on promised.deal_id = deal.deal_id
-- Of several statements of one day the last stands, with what the others promised before it.
where promised.from_last_of_day = 1

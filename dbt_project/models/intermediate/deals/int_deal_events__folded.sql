with event as (
    select * from {{ ref('int_deal_events__bounded') }}
),

-- A value that is said again was known before: only one that differs from the last begins anew.
value_stated as (
    select
        deal_id,
        fold_seq,
        coalesce(
            value_usd_low <> lag(value_usd_low) over in_order
            or value_usd_base <> lag(value_usd_base) over in_order
            or value_usd_high <> lag(value_usd_high) over in_order
            or is_cash <> lag(is_cash) over in_order
            or is_value_estimate <> lag(is_value_estimate) over in_order,
            true
        ) as is_new
    from event
    where has_value
    window in_order as (partition by deal_id order by fold_seq)
),

-- Each figure of the fold is the last one stated: carry the number of the event that stated it.
carried as (
    select
        event.deal_id,
        event.fold_seq,
        event.known_on,
        event.kind = 'disputed' as is_disputed,
        coalesce(
            max(case when event.kind <> 'disputed' then event.fold_seq end) over so_far, 1
        ) as commitment_seq,
        max(case when event.has_capacity then event.fold_seq end) over so_far as capacity_seq,
        max(case when event.has_online then event.fold_seq end) over so_far as online_seq,
        max(case when event.has_value then event.fold_seq end) over so_far as value_seq,
        max(case when value_stated.is_new then event.fold_seq end) over so_far as new_value_seq,
        max(case when event.has_term then event.fold_seq end) over so_far as term_seq,
        lead(event.known_on) over (
            partition by event.deal_id order by event.fold_seq
        ) as next_known_on
    from event
    left join value_stated
        on event.deal_id = value_stated.deal_id and event.fold_seq = value_stated.fold_seq
    window so_far as (
        partition by event.deal_id order by event.fold_seq rows between unbounded preceding and current row
    )
),

-- Several events of one day make one state: the last of them.
last_of_day as (
    select
        carried.*,
        min(known_on) over (partition by deal_id) as first_known_on,
        lead(known_on) over (partition by deal_id order by fold_seq) as valid_to
    from carried
    where next_known_on is null or next_known_on > known_on
)

select
    last_of_day.deal_id,
    last_of_day.fold_seq,
    last_of_day.known_on as valid_from,
    last_of_day.valid_to,
    last_of_day.first_known_on,
    commitment.commitment,
    last_of_day.is_disputed,
    capacity.capacity_gw_low,
    capacity.capacity_gw_base,
    capacity.capacity_gw_high,
    coalesce(capacity.is_open_ended, false) as is_open_ended,
    capacity.power_basis,
    online.online_gw_low,
    online.online_gw_base,
    online.online_gw_high,
    stated_value.value_usd_low,
    stated_value.value_usd_base,
    stated_value.value_usd_high,
    coalesce(stated_value.is_value_open_ended, false) as is_value_open_ended,
    coalesce(stated_value.is_cash, true) as is_cash,
    coalesce(stated_value.is_conditional, false) as is_conditional,
    coalesce(stated_value.is_value_estimate, false) as is_value_estimate,
    new_value.known_on as value_known_on,
    stated_value.original_amount,
    stated_value.original_currency,
    term.starts_on,
    term.ends_on
from last_of_day
inner join event as commitment
    on last_of_day.deal_id = commitment.deal_id and last_of_day.commitment_seq = commitment.fold_seq
left join event as capacity
    on last_of_day.deal_id = capacity.deal_id and last_of_day.capacity_seq = capacity.fold_seq
left join event as online
    on last_of_day.deal_id = online.deal_id and last_of_day.online_seq = online.fold_seq
left join event as stated_value
    on last_of_day.deal_id = stated_value.deal_id and last_of_day.value_seq = stated_value.fold_seq
left join event as new_value
    on last_of_day.deal_id = new_value.deal_id and last_of_day.new_value_seq = new_value.fold_seq
left join event as term
    on last_of_day.deal_id = term.deal_id and last_of_day.term_seq = term.fold_seq

with event as (
    select * from {{ ref('int_deal_events__bounded') }}
),

-- Each figure of the fold is the last one stated: carry the number of the event that stated it.
carried as (
    select
        deal_id,
        fold_seq,
        known_on,
        kind = 'disputed' as is_disputed,
        coalesce(max(case when kind <> 'disputed' then fold_seq end) over so_far, 1) as commitment_seq,
        max(case when has_capacity then fold_seq end) over so_far as capacity_seq,
        max(case when has_online then fold_seq end) over so_far as online_seq,
        max(case when has_value then fold_seq end) over so_far as value_seq,
        max(case when has_term then fold_seq end) over so_far as term_seq,
        lead(known_on) over (partition by deal_id order by fold_seq) as next_known_on
    from event
    window so_far as (
        partition by deal_id order by fold_seq rows between unbounded preceding and current row
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
left join event as term
    on last_of_day.deal_id = term.deal_id and last_of_day.term_seq = term.fold_seq

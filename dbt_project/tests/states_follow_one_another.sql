-- S2: the states of a deal begin with its first event, touch, never overlap, and the last is open.
with state as (
    select
        deal_id,
        valid_from,
        valid_to,
        first_known_on,
        row_number() over (partition by deal_id order by valid_from) as place,
        lead(valid_from) over (partition by deal_id order by valid_from) as next_from
    from {{ ref('fct_deal_state') }}
),

event as (
    select
        deal_id,
        min(known_on) as first_known_on
    from {{ ref('fct_deal_event') }}
    group by deal_id
)

select
    event.deal_id,
    event.first_known_on,
    state.valid_from,
    state.valid_to,
    state.next_from
from event
left join state
    on event.deal_id = state.deal_id
where
    state.deal_id is null
    or state.first_known_on <> event.first_known_on
    or (state.place = 1 and state.valid_from <> event.first_known_on)
    or coalesce(state.valid_to <> state.next_from, (state.valid_to is null) <> (state.next_from is null))

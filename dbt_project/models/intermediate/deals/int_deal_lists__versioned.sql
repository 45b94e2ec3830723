-- The list of the deal itself is version 0, known from the deal's first event. A list on an event
-- replaces it from that event on. Of several on one day the last one holds, the others end on the
-- day on which they begin: they hold on no day, but what they promised was promised (S8).
with event as (
    select * from {{ ref('int_deal_events__bounded') }}
),

deal as (
    select
        deal_id,
        min(known_on) as first_known_on
    from event
    group by deal_id
),

stated as (
    select deal_id, 'phases' as item_kind, 0 as event_seq, 0 as fold_seq, first_known_on as known_on
    from deal
    union all
    select deal_id, 'phases' as item_kind, event_seq, fold_seq, known_on
    from event
    where has_phases
    union all
    select deal_id, 'links' as item_kind, 0 as event_seq, 0 as fold_seq, first_known_on as known_on
    from deal
    union all
    select deal_id, 'links' as item_kind, event_seq, fold_seq, known_on
    from event
    where has_links
)

select
    deal_id,
    item_kind,
    event_seq,
    fold_seq,
    known_on as valid_from,
    lead(known_on) over (partition by deal_id, item_kind order by fold_seq) as valid_to
from stated

with days as (
    select today as as_of_day from {{ ref('stg_ledger__build') }}
),

{{ standing('days') }},

{{ money_flows() }},

{{ loops_panel() }},

-- Where an organisation stands in its loop, and the one it pays: the next, or the first again.
place as (
    select
        capital_loop.loop_id,
        capital_loop.length,
        leg_number.leg_seq,
        {{ array_member('capital_loop.org_ids', 'leg_number.leg_seq') }} as payer_id,
        {{ array_member('capital_loop.org_ids', 'leg_number.leg_seq % capital_loop.length + 1') }} as payee_id
    from capital_loop
    inner join (
        select * from (values (1), (2), (3), (4), (5)) as place_table (leg_seq)
    ) as leg_number
        on leg_number.leg_seq <= capital_loop.length
)

select
    place.loop_id,
    cast(place.leg_seq as integer) as leg_seq,
    place.payer_id,
    place.payee_id,
    leg.deal_ids,
    leg.flow_kinds,
    leg.usd_base,
    leg.is_conditional = 1 as is_conditional,
    leg.is_noncash = 0 as is_cash,
    leg.source_ids,
    {{ confidence_word('leg.confidence_rank') }} as confidence
from place
inner join money_leg as leg
    on place.payer_id = leg.payer_id and place.payee_id = leg.payee_id

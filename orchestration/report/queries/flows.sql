-- Who pays whom: one row per payer and payee, of the size that S11 gives a leg, its largest known
-- cash flow. Plans are no flows between two named organisations, and what is undisclosed has none.
-- Drawn are the twenty largest and the legs of the first twelve of loops.sql; their places are in
-- shares of all that is drawn, from the top, with room for a name beside each organisation.
with leg as (
    select
        payer_id,
        payee_id,
        max(case
            when is_cash and usd_base is not null
                then {'base': usd_base, 'low': usd_low, 'high': usd_high}
        end) as largest,
        list_sort(list(distinct flow_kind)) as flow_kinds,
        list_sort(list(distinct deal_id)) as deal_ids,
        -- As S11 has it, the flow that gives a leg its size says whether it is conditional.
        coalesce(
            max(case when is_cash then usd_base end)
            > coalesce(max(case when is_cash and not is_conditional then usd_base end), -1),
            bool_and(is_conditional)
        ) as is_conditional,
        bool_or(is_cash) as is_cash,
        list_sort(list_distinct(flatten(list(source_ids)))) as source_ids,
        case
            when bool_or(confidence = 'low') then 'low'
            when bool_or(confidence = 'medium') then 'medium'
            else 'high'
        end as confidence
    from core.fct_money_flow
    where
        flow_kind <> 'plan'
        and payer_id <> 'undisclosed'
        and payee_id <> 'undisclosed'
        and payer_id <> payee_id
    group by payer_id, payee_id
),

loop as (
    select
        loop_id,
        length,
        row_number() over (
            order by length <= 3 desc, unvalued_leg_count = 0 desc, bottleneck_usd desc nulls last,
                loop_id
        ) as place
    from marts.capital_loops
),

in_loop as (
    select
        leg.payer_id,
        leg.payee_id,
        count(*) as loop_count,
        bool_or(loop.length <= 3 and loop.place <= 12) as is_drawn
    from marts.capital_loop_legs as leg
    inner join loop
        on leg.loop_id = loop.loop_id
    group by leg.payer_id, leg.payee_id
),

ranked as (
    select
        leg.*,
        leg.largest.low / 1e9 as usd_bn_low,
        leg.largest.base / 1e9 as usd_bn,
        leg.largest.high / 1e9 as usd_bn_high,
        payer.name as payer,
        payee.name as payee,
        coalesce(in_loop.loop_count, 0) as loop_count,
        coalesce(in_loop.is_drawn, false) as is_in_drawn_loop,
        row_number() over (order by leg.largest.base desc nulls last, leg.payer_id, leg.payee_id)
            as place
    from leg
    inner join core.dim_organization as payer
        on leg.payer_id = payer.org_id
    inner join core.dim_organization as payee
        on leg.payee_id = payee.org_id
    left join in_loop
        on leg.payer_id = in_loop.payer_id and leg.payee_id = in_loop.payee_id
),

drawn as (
    select
        payer_id,
        payee_id,
        -- What is thinner than this, or of unknown size, is drawn as a line.
        greatest(coalesce(usd_bn / nullif(sum(usd_bn) over (), 0), 0), 0.002) as thickness
    from ranked
    where is_in_drawn_loop or place <= 20
),

payer_slot as (
    select
        payer_id,
        sum(thickness) as size,
        greatest(sum(thickness), 0.022) as slot
    from drawn
    group by payer_id
),

payee_slot as (
    select
        payee_id,
        sum(thickness) as size,
        greatest(sum(thickness), 0.022) as slot
    from drawn
    group by payee_id
),

payer_node as (
    select
        payer_id,
        row_number() over (order by size desc, payer_id) as place,
        sum(slot + 0.007) over (order by size desc, payer_id) - slot / 2 - size / 2 as begins
    from payer_slot
),

payee_node as (
    select
        payee_id,
        row_number() over (order by size desc, payee_id) as place,
        sum(slot + 0.007) over (order by size desc, payee_id) - slot / 2 - size / 2 as begins
    from payee_slot
),

placed as (
    select
        drawn.payer_id,
        drawn.payee_id,
        drawn.thickness,
        payer_node.begins - drawn.thickness / 2 + sum(drawn.thickness) over (
            partition by drawn.payer_id order by payee_node.place
        ) as payer_at,
        payee_node.begins - drawn.thickness / 2 + sum(drawn.thickness) over (
            partition by drawn.payee_id order by payer_node.place
        ) as payee_at
    from drawn
    inner join payer_node
        on drawn.payer_id = payer_node.payer_id
    inner join payee_node
        on drawn.payee_id = payee_node.payee_id
)

select
    ranked.payer,
    ranked.payee,
    ranked.usd_bn_low,
    ranked.usd_bn,
    ranked.usd_bn_high,
    ranked.flow_kinds,
    ranked.is_cash,
    ranked.is_conditional,
    ranked.loop_count,
    ranked.deal_ids,
    ranked.payer_id || ' ' || ranked.payee_id as draw_leg,
    placed.thickness as draw_thickness,
    placed.payer_at as draw_payer,
    placed.payee_at as draw_payee,
    ranked.source_ids,
    ranked.confidence
from ranked
left join placed
    on ranked.payer_id = placed.payer_id and ranked.payee_id = placed.payee_id
where ranked.place <= 1000 or placed.payer_id is not null
order by ranked.place

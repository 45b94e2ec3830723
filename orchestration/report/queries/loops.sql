-- Loops of money of up to three organisations: those whose every leg has a size first, among them
-- the one whose smallest leg is largest.
select
    row_number() over (
        order by loop.unvalued_leg_count = 0 desc, loop.bottleneck_usd desc nulls last, loop.loop_id
    ) as place,
    list_reduce(
        list(organization.name order by leg.leg_seq), lambda said, name: concat(said, ' → ', name)
    ) as loop,
    loop.length,
    loop.bottleneck_usd / 1e9 as bottleneck_usd_bn,
    loop.unvalued_leg_count,
    loop.has_conditional_leg,
    loop.has_noncash_leg,
    loop.loop_id,
    list(leg.payer_id || ' ' || leg.payee_id order by leg.leg_seq) as draw_legs,
    any_value(loop.source_ids) as source_ids,
    any_value(loop.confidence) as confidence
from marts.capital_loops as loop
inner join marts.capital_loop_legs as leg
    on loop.loop_id = leg.loop_id
inner join core.dim_organization as organization
    on leg.payer_id = organization.org_id
where loop.length <= 3
group by loop.loop_id, loop.length, loop.bottleneck_usd, loop.unvalued_leg_count,
    loop.has_conditional_leg, loop.has_noncash_leg
order by place
limit 1000

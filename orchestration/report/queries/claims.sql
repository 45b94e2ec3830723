-- Public claims beside what the ledger measures, in the unit that the row names.
with unit as (
    select *
    from (
        values
        ('usd', 'billion dollars', 1e9),
        ('usd_per_gw', 'billion dollars a GW', 1e9),
        ('gw', 'GW', 1),
        ('multiple_per_year', 'times in a year', 1)
    ) as unit (unit, words, size)
)

select
    claim.title as claim,
    coalesce(organization.name, claim.said_by) as said_by,
    claim.said_on,
    replace(claim.verdict, '_', ' ') as verdict,
    claim.note,
    coalesce(unit.words, claim.unit) as unit,
    claim.claimed_value_low / coalesce(unit.size, 1) as claimed_low,
    claim.claimed_value / coalesce(unit.size, 1) as claimed,
    claim.claimed_value_high / coalesce(unit.size, 1) as claimed_high,
    claim.measured_then / coalesce(unit.size, 1) as measured_then,
    claim.measured_value_low / coalesce(unit.size, 1) as measured_now_low,
    claim.measured_value / coalesce(unit.size, 1) as measured_now,
    claim.measured_value_high / coalesce(unit.size, 1) as measured_now_high,
    claim.source_ids,
    claim.confidence
from marts.claim_check as claim
left join unit
    on claim.unit = unit.unit
left join core.dim_organization as organization
    on claim.said_by = organization.org_id
order by claim.said_on, claim.claim_id

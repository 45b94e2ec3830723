-- Phases whose promised start moved, or whose promised time is past without what was promised.
select
    deal.title as deal,
    slip.deal_id,
    slip.phase_seq as phase,
    developer.name as developer,
    customer.name as customer,
    slip.first_promised,
    slip.latest_promised,
    slip.slip_days,
    slip.is_overdue,
    slip.times_promised,
    row_number() over (
        order by slip.is_overdue, slip.slip_days desc, slip.first_promised, slip.deal_id,
            slip.phase_seq
    ) as draw_place,
    slip.source_ids,
    slip.confidence
from marts.phase_slips as slip
inner join core.dim_deal as deal
    on slip.deal_id = deal.deal_id
left join core.dim_organization as developer
    on slip.developer_id = developer.org_id
left join core.dim_organization as customer
    on slip.customer_id = customer.org_id
where slip.slip_days <> 0 or slip.is_overdue
order by draw_place
limit 100

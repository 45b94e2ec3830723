with documents_so_far as (
    select * from {{ ref('int_deals__documents_so_far') }}
),

deal as (
    select * from {{ ref('stg_ledger__deal') }}
),

latest as (
    select
        deal_id,
        max(fold_seq) as fold_seq
    from documents_so_far
    group by deal_id
)

select
    deal.deal_id,
    deal.title,
    deal.kind,
    documents_so_far.source_ids,
    case when documents_so_far.has_address = 1 then deal.confidence else 'low' end as confidence
from deal
inner join latest
    on deal.deal_id = latest.deal_id
inner join documents_so_far
    on latest.deal_id = documents_so_far.deal_id and latest.fold_seq = documents_so_far.fold_seq

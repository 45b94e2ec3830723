with event as (
    select * from {{ ref('int_deal_events__bounded') }}
),

folded as (
    select * from {{ ref('int_deal_events__folded') }}
),

event_source as (
    select
        event.deal_id,
        event.fold_seq,
        cited.source_id
    from event
    {{ unnest_array('event.source_ids', 'cited', 'source_id') }}
),

document as (
    select * from {{ ref('stg_ledger__document') }}
),

so_far as (
    select
        folded.deal_id,
        folded.fold_seq,
        {{ array_agg_distinct('event_source.source_id') }} as source_ids,
        max(case when document.url is not null then 1 else 0 end) as has_address
    from folded
    left join event_source
        on folded.deal_id = event_source.deal_id and event_source.fold_seq <= folded.fold_seq
    left join document
        on event_source.source_id = document.source_id
    group by folded.deal_id, folded.fold_seq
)

select * from so_far

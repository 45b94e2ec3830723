{{ config(arguments=['asked_deal_id']) }}

with event as (
    select * from {{ published('fct_deal_event') }}
    where deal_id = asked_deal_id
),

cited as (
    select
        event.*,
        cited.source_id
    from event
    {{ unnest_array('event.source_ids', 'cited', 'source_id') }}
)

select
    cited.deal_id,
    cited.event_seq,
    cited.known_on,
    cited.kind,
    cited.commitment,
    cited.capacity_gw_low,
    cited.capacity_gw_base,
    cited.capacity_gw_high,
    cited.value_usd_low,
    cited.value_usd_base,
    cited.value_usd_high,
    cited.source_id,
    document.publisher,
    document.title,
    document.url,
    document.published_on,
    document.tier,
    document.read
from cited
inner join {{ published('dim_source') }} as document
    on cited.source_id = document.source_id
order by cited.known_on, cited.event_seq, cited.source_id

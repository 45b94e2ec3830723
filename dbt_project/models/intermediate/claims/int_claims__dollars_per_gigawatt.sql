with claim_day as (
    select * from {{ ref('int_claims__days') }}
    where measure = 'usd_per_gw'
),

days as (
    select distinct as_of_day from claim_day
),

{{ standing('days') }},

priced_deal as (
    select
        claim_day.claim_id,
        claim_day.asked,
        deal.deal_id,
        deal.layer,
        cast(deal.value_usd_base as double) / cast(deal.capacity_gw_base as double) as usd_per_gw,
        deal.source_ids,
        deal.confidence
    from claim_day
    inner join customer_of as customer
        on
            claim_day.as_of_day = customer.as_of_day
            and claim_day.customer_id = customer.customer_id
    inner join standing as deal
        on customer.deal_id = deal.deal_id and customer.as_of_day = deal.as_of_day
    where
        deal.is_firm
        and deal.is_cash
        and not deal.is_value_estimate
        and deal.layer in ('chips', 'cloud', 'site')
        and deal.value_usd_base > 0
        and deal.capacity_gw_base > 0
),

by_layer as (
    select
        claim_id,
        asked,
        layer,
        median(usd_per_gw) as usd_per_gw,
        count(*) as deal_count
    from priced_deal
    group by claim_id, asked, layer
),

layer_range as (
    select
        claim_id,
        asked,
        min(usd_per_gw) as usd_per_gw_low,
        max(usd_per_gw) as usd_per_gw_high,
        {% for layer in ['chips', 'cloud', 'site'] %}
        max(case when layer = '{{ layer }}' then usd_per_gw end) as {{ layer }}_usd_per_gw,
        coalesce(max(case when layer = '{{ layer }}' then deal_count end), 0)
            as {{ layer }}_deal_count{{ ',' if not loop.last }}
        {% endfor %}
    from by_layer
    group by claim_id, asked
),

overall as (
    select
        claim_id,
        asked,
        median(usd_per_gw) as usd_per_gw,
        count(*) as deal_count,
        {{ array_union_agg('source_ids') }} as source_ids,
        {{ lowest_confidence('confidence') }} as confidence
    from priced_deal
    group by claim_id, asked
)

select
    overall.claim_id,
    overall.asked,
    overall.usd_per_gw,
    overall.deal_count,
    layer_range.usd_per_gw_low,
    layer_range.usd_per_gw_high,
    {% for layer in ['chips', 'cloud', 'site'] %}
    layer_range.{{ layer }}_usd_per_gw,
    layer_range.{{ layer }}_deal_count,
    {% endfor %}
    overall.source_ids,
    overall.confidence
from overall
inner join layer_range
    on overall.claim_id = layer_range.claim_id and overall.asked = layer_range.asked

-- S5: parts inside parts are followed {{ netting_depth() }} links deep; a chain longer than that
-- would be counted twice.
with link_1 as (
    select distinct
        deal_id,
        to_deal_id
    from {{ ref('fct_deal_link') }}
    where relation = 'part_of'
)

{% for depth in range(2, (netting_depth() | int) + 2) %}
,
link_{{ depth }} as (
    select distinct
        inner_link.deal_id,
        outer_link.to_deal_id
    from link_{{ depth - 1 }} as inner_link
    inner join link_1 as outer_link
        on inner_link.to_deal_id = outer_link.deal_id
)
{% endfor %}

select * from link_{{ (netting_depth() | int) + 1 }}

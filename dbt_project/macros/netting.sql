{# S5: what deals add up to when some lie inside others and some share capacity.

Written once and used for gigawatts and for dollars, for one day and for many. A set is one value of
the key columns: for capacity a day, a customer, a scope (announced, firm, online) and a layer.

Reads three relations:
    items  key columns, deal_id, own_low, own_base, own_high (null where the deal states none)
    links  as_of_day, deal_id, to_deal_id, relation, link_seq, shared_low, shared_base, shared_high
and adds these common table expressions, their names beginning with `name`:
    _within    one row per deal that lies inside another of its set: keys, deal_id, parent_id
    _counted   one row per deal that holds others: what it counts, the larger of its own and its parts
    _shared    one row per pair of deals of a set that overlap: the shared amounts
    _total     one row per set: gross_*, total_*, valued_count, deal_count
The first of `keys` is as_of_day. Parts of parts are followed to the depth that the ledger's checks
allow; a sum over parts inside a recursion would see one step at a time, so it is unrolled. #}

{% macro netting_depth() %}4{% endmacro %}

{% macro same_set(left, right, keys) -%}
{% for key in keys %}{{ left }}.{{ key }} = {{ right }}.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro columns_of(alias, columns) -%}
{% for column in columns %}{{ alias }}.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro netting(name, items, links, keys, caps_shared='false') %}
{{ name }}_candidate as (
    select
        {{ columns_of('part', keys) }},
        part.deal_id,
        holder.deal_id as parent_id,
        part.own_low,
        part.own_base,
        part.own_high,
        holder.own_low as parent_low,
        holder.own_base as parent_base,
        holder.own_high as parent_high,
        row_number() over (
            partition by {{ columns_of('part', keys) }}, part.deal_id
            order by link.link_seq, holder.deal_id
        ) as stated_order
    from {{ links }} as link
    inner join {{ items }} as part
        on link.deal_id = part.deal_id and link.as_of_day = part.as_of_day
    inner join {{ items }} as holder
        on link.to_deal_id = holder.deal_id and {{ same_set('part', 'holder', keys) }}
    where link.relation = 'part_of'
),

{{ name }}_within as {{ materialized() }} (
    select * from {{ name }}_candidate
    where stated_order = 1
),

{% for depth in range(1, (netting_depth() | int) + 1) %}
{{ name }}_held_{{ depth }} as {{ materialized() }} (
    select
        {{ columns_of('part', keys) }},
        part.parent_id as deal_id,
        {% for bound in ['low', 'base', 'high'] %}
        max(coalesce(part.parent_{{ bound }}, 0)) as own_{{ bound }},
        {% if depth == 1 %}
        sum(coalesce(part.own_{{ bound }}, 0)) as parts_{{ bound }}
        {%- else %}
        sum(case
            when inner_part.deal_id is null then coalesce(part.own_{{ bound }}, 0)
            else greatest(inner_part.own_{{ bound }}, inner_part.parts_{{ bound }})
        end) as parts_{{ bound }}
        {%- endif %}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ name }}_within as part
    {% if depth > 1 %}
    left join {{ name }}_held_{{ depth - 1 }} as inner_part
        on part.deal_id = inner_part.deal_id and {{ same_set('part', 'inner_part', keys) }}
    {% endif %}
    group by {{ columns_of('part', keys) }}, part.parent_id
),
{% endfor %}

{{ name }}_counted as (
    select
        {{ columns_of('held', keys) }},
        held.deal_id,
        held.own_base,
        held.parts_base,
        greatest(held.own_low, held.parts_low) as counted_low,
        greatest(held.own_base, held.parts_base) as counted_base,
        greatest(held.own_high, held.parts_high) as counted_high
    from {{ name }}_held_{{ netting_depth() | trim }} as held
),

{{ name }}_pair as (
    select
        {{ columns_of('one', keys) }},
        least(one.deal_id, other.deal_id) as deal_id,
        greatest(one.deal_id, other.deal_id) as other_deal_id,
        coalesce(link.shared_low, 0) as stated_low,
        coalesce(link.shared_base, least(one.own_base, other.own_base)) as stated_base,
        coalesce(link.shared_high, least(one.own_high, other.own_high)) as stated_high,
        least(one.own_low, other.own_low) as least_low,
        least(one.own_base, other.own_base) as least_base,
        least(one.own_high, other.own_high) as least_high,
        row_number() over (
            partition by
                {{ columns_of('one', keys) }},
                least(one.deal_id, other.deal_id),
                greatest(one.deal_id, other.deal_id)
            order by
                case when link.shared_base is null then 1 else 0 end,
                one.deal_id,
                link.link_seq
        ) as stated_order
    from {{ links }} as link
    inner join {{ items }} as one
        on link.deal_id = one.deal_id and link.as_of_day = one.as_of_day
    inner join {{ items }} as other
        on link.to_deal_id = other.deal_id and {{ same_set('one', 'other', keys) }}
    where
        link.relation = 'overlaps'
        and one.own_base is not null
        and other.own_base is not null
        and one.deal_id <> other.deal_id
),

{{ name }}_shared as {{ materialized() }} (
    select
        {{ columns_of('pair', keys) }},
        pair.deal_id,
        pair.other_deal_id,
        {% for bound in ['low', 'base', 'high'] %}
        case
            when {{ caps_shared }} then least(pair.stated_{{ bound }}, pair.least_{{ bound }})
            else pair.stated_{{ bound }}
        end as shared_{{ bound }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ name }}_pair as pair
    where pair.stated_order = 1
),

{{ name }}_shared_sum as (
    select
        {{ columns_of('shared', keys) }},
        sum(shared.shared_low) as shared_low,
        sum(shared.shared_base) as shared_base,
        sum(shared.shared_high) as shared_high
    from {{ name }}_shared as shared
    group by {{ columns_of('shared', keys) }}
),

{{ name }}_set as (
    select
        {{ columns_of('item', keys) }},
        {% for bound in ['low', 'base', 'high'] %}
        sum(item.own_{{ bound }}) as gross_{{ bound }},
        sum(case
            when part.deal_id is not null then 0
            else coalesce(counted.counted_{{ bound }}, item.own_{{ bound }}, 0)
        end) as top_{{ bound }},
        coalesce(max(item.own_{{ bound }}), 0) as largest_{{ bound }},
        {% endfor %}
        count(item.own_base) as valued_count,
        count(*) as deal_count
    from {{ items }} as item
    left join {{ name }}_within as part
        on item.deal_id = part.deal_id and {{ same_set('item', 'part', keys) }}
    left join {{ name }}_counted as counted
        on item.deal_id = counted.deal_id and {{ same_set('item', 'counted', keys) }}
    group by {{ columns_of('item', keys) }}
),

{{ name }}_total as {{ materialized() }} (
    select
        {{ columns_of('added', keys) }},
        added.gross_low,
        added.gross_base,
        added.gross_high,
        added.top_base,
        greatest(added.top_low - coalesce(shared.shared_high, 0), added.largest_low) as total_low,
        greatest(added.top_base - coalesce(shared.shared_base, 0), added.largest_base) as total_base,
        greatest(added.top_high - coalesce(shared.shared_low, 0), added.largest_high) as total_high,
        added.valued_count,
        added.deal_count
    from {{ name }}_set as added
    left join {{ name }}_shared_sum as shared
        on {{ same_set('added', 'shared', keys) }}
)
{% endmacro %}

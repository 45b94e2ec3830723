{# S5: what deals add up to when some lie inside others and some share capacity.

Written once and used for gigawatts and for dollars, for one day and for many. A set is one value of
the key columns: for capacity a day, a customer, a scope (announced, firm, online) and a layer.

Reads `links_known` and `inside_known` of `standing`, and
    items  key columns, deal_id, own_low, own_base, own_high (null where the deal states none), and
           with `portion` the part of the deal that is the set's own
and adds these common table expressions, their names beginning with `name`:
    _within    one row per deal that lies inside another of its set: keys, deal_id, parent_id
    _counted   one row per deal that holds others: what it counts, the larger of its own and its parts
    _shared    one row per pair of deals of a set that overlap: the shared amounts
    _total     one row per set: gross_*, total_*, valued_count, deal_count
The first of `keys` is as_of_day; `unit` is that of the links' shares, gw or usd. Parts of parts are
followed to the depth that the ledger's checks allow; a sum over parts inside a recursion would see
one step at a time, so it is unrolled. #}

{% macro netting_depth() %}4{% endmacro %}

{% macro same_set(left, right, keys) -%}
{% for key in keys %}{{ left }}.{{ key }} = {{ right }}.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro columns_of(alias, columns) -%}
{% for column in columns %}{{ alias }}.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro netting(name, items, unit, keys, portion=false) %}
-- The first item of a link is joined here, so that no engine joins two items of a set before it.
{{ name }}_inside as {{ materialized() }} (
    select
        {{ columns_of('item', keys) }},
        item.deal_id,
        item.own_low,
        item.own_base,
        item.own_high,
        inside.holder_id,
        inside.steps,
        inside.link_seq
    from inside_known as inside
    inner join {{ items }} as item
        on inside.deal_id = item.deal_id and inside.as_of_day = item.as_of_day
),

{{ name }}_overlapping as {{ materialized() }} (
    select
        {{ columns_of('item', keys) }},
        item.deal_id,
        item.own_low,
        item.own_base,
        item.own_high,
        {% if portion %}item.portion,{% endif %}
        link.to_deal_id,
        link.link_seq,
        link.shared_{{ unit }}_low as shared_low,
        link.shared_{{ unit }}_base as shared_base,
        link.shared_{{ unit }}_high as shared_high
    from links_known as link
    inner join {{ items }} as item
        on link.deal_id = item.deal_id and link.as_of_day = item.as_of_day
    where link.relation = 'overlaps' and item.own_base is not null
),

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
            order by part.steps, part.link_seq, holder.deal_id
        ) as stated_order
    from {{ name }}_inside as part
    inner join {{ items }} as holder
        on part.holder_id = holder.deal_id and {{ same_set('part', 'holder', keys) }}
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
        {% for bound in ['low', 'base', 'high'] %}
        {% if portion %}
        cast(
            round(cast(one.shared_{{ bound }} as double) * least(one.portion, other.portion), 2)
            as {{ usd_type() }}
        ) as stated_{{ bound }},
        {% else %}
        one.shared_{{ bound }} as stated_{{ bound }},
        {% endif %}
        {% endfor %}
        least(one.own_base, other.own_base) as least_base,
        least(one.own_high, other.own_high) as least_high,
        row_number() over (
            partition by
                {{ columns_of('one', keys) }},
                least(one.deal_id, other.deal_id),
                greatest(one.deal_id, other.deal_id)
            order by
                case when one.shared_base is null then 1 else 0 end,
                one.deal_id,
                one.link_seq
        ) as stated_order
    from {{ name }}_overlapping as one
    inner join {{ items }} as other
        on one.to_deal_id = other.deal_id and {{ same_set('one', 'other', keys) }}
    where other.own_base is not null and one.deal_id <> other.deal_id
),

-- A share is at most the smaller deal, and a deal that lies inside the other is taken off as its part.
{{ name }}_shared as {{ materialized() }} (
    select
        {{ columns_of('pair', keys) }},
        pair.deal_id,
        pair.other_deal_id,
        least(coalesce(pair.stated_low, 0), pair.least_high) as shared_low,
        least(coalesce(pair.stated_base, pair.least_base), pair.least_base) as shared_base,
        least(coalesce(pair.stated_high, pair.least_high), pair.least_high) as shared_high
    from {{ name }}_pair as pair
    left join inside_known as up
        on
            pair.as_of_day = up.as_of_day
            and pair.deal_id = up.deal_id
            and pair.other_deal_id = up.holder_id
    left join inside_known as down
        on
            pair.as_of_day = down.as_of_day
            and pair.other_deal_id = down.deal_id
            and pair.deal_id = down.holder_id
    where pair.stated_order = 1 and up.deal_id is null and down.deal_id is null
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

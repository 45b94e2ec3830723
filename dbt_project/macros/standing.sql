{# The deals that count on the days of a panel, their links and their customers (S3, S5).

Reads `days` (as_of_day) and adds:
    standing      one row per day and deal that is announced and not superseded: the folded state
    links_known   one row per day and link
    inside_known  one row per day, deal, deal that it lies inside and way there (part_of, link by link)
    customer_of   one row per day, deal and customer; customer_id `all` holds each deal once #}
{% macro standing(days) %}
announced as {{ materialized() }} (
    select
        days.as_of_day,
        state.*
    from {{ published('fct_deal_state') }} as state
    inner join {{ days }} as days
        on {{ holds_on('days.as_of_day', 'state.valid_from', 'state.valid_to') }}
    where state.is_announced
),

links_known as {{ materialized() }} (
    select
        days.as_of_day,
        link.deal_id,
        link.to_deal_id,
        link.relation,
        link.link_seq,
        link.shared_gw_low,
        link.shared_gw_base,
        link.shared_gw_high,
        link.shared_usd_low,
        link.shared_usd_base,
        link.shared_usd_high
    from {{ published('fct_deal_link') }} as link
    inner join {{ days }} as days
        on {{ holds_on('days.as_of_day', 'link.known_on', 'link.valid_to') }}
),

-- A part of a part lies inside the whole whether or not the deal between them counts.
{% for step in range(1, (netting_depth() | int) + 1) %}
inside_{{ step }} as {{ materialized() }} (
    select
        {% if step == 1 %}
        link.as_of_day,
        link.deal_id,
        link.to_deal_id as holder_id,
        {{ step }} as steps,
        link.link_seq
    from links_known as link
        {% else %}
        below.as_of_day,
        below.deal_id,
        link.to_deal_id as holder_id,
        {{ step }} as steps,
        below.link_seq
    from inside_{{ step - 1 }} as below
    inner join links_known as link
        on below.holder_id = link.deal_id and below.as_of_day = link.as_of_day
        {% endif %}
    where link.relation = 'part_of'
),
{% endfor %}

inside_known as {{ materialized() }} (
    {% for step in range(1, (netting_depth() | int) + 1) %}
    select as_of_day, deal_id, holder_id, steps, link_seq from inside_{{ step }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

superseded as (
    select distinct
        link.as_of_day,
        link.to_deal_id as deal_id
    from links_known as link
    inner join announced as successor
        on link.deal_id = successor.deal_id and link.as_of_day = successor.as_of_day
    where link.relation = 'supersedes'
),

standing as {{ materialized() }} (
    select announced.*
    from announced
    left join superseded
        on announced.deal_id = superseded.deal_id and announced.as_of_day = superseded.as_of_day
    where superseded.deal_id is null
),

party_known as {{ materialized() }} (
    select
        standing.as_of_day,
        standing.deal_id,
        standing.kind,
        party.org_id,
        party.role,
        party.share,
        party.party_seq,
        party.known_on
    from standing
    inner join {{ published('fct_deal_party') }} as party
        on standing.deal_id = party.deal_id and party.known_on <= standing.as_of_day
),

named_customer as (
    select distinct
        as_of_day,
        deal_id,
        org_id as customer_id
    from party_known
    where role in ('customer', 'tenant')
),

-- A plan or a site without a named customer is its sponsor's, developer's or operator's.
builder as (
    select distinct
        party.as_of_day,
        party.deal_id,
        party.org_id as customer_id
    from party_known as party
    left join named_customer as named
        on party.deal_id = named.deal_id and party.as_of_day = named.as_of_day
    where
        named.deal_id is null
        and party.role in ('sponsor', 'developer', 'operator')
        and party.kind in (
            'datacenter_lease', 'datacenter_development', 'joint_venture', 'expansion_plan'
        )
),

customer_of as {{ materialized() }} (
    select as_of_day, deal_id, customer_id from named_customer
    union all
    select as_of_day, deal_id, customer_id from builder
    union all
    select as_of_day, deal_id, 'all' as customer_id from standing
)
{% endmacro %}

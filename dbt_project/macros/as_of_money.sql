{# S6: the share of each party of a role. Parties share evenly; what stated shares leave is shared evenly
by the others, and nobody knows whose it is where there is no other.

Reads `parties`: keys, org_id, party_seq, known_on, stated_share (null where none is stated); adds `name`
with a `share` instead. #}
{% macro party_shares(name, parties, keys) %}
{{ name }}_stated as (
    select
        party.*,
        coalesce(sum(party.stated_share) over whole_side, 0) as stated_sum,
        count(case when party.stated_share is null then 1 end) over whole_side as open_count
    from {{ parties }} as party
    window whole_side as (partition by {{ columns_of('party', keys) }})
),

{{ name }} as (
    select
        {{ columns_of('party', keys) }},
        party.org_id,
        party.party_seq,
        party.known_on,
        case
            when party.stated_share is null then cast(1 - party.stated_sum as double) / party.open_count
            else cast(party.stated_share as double)
        end as share
    from {{ name }}_stated as party
    union all
    select
        {{ columns_of('party', keys) }},
        'undisclosed' as org_id,
        max(party.party_seq) + 1 as party_seq,
        max(party.known_on) as known_on,
        cast(1 - max(party.stated_sum) as double) as share
    from {{ name }}_stated as party
    group by {{ columns_of('party', keys) }}
    having max(party.open_count) = 0 and max(party.stated_sum) < 1
)
{% endmacro %}

{# S6: money as flows from payer to payee on the days of a panel. Adds, after `standing`:
    money_flow      one row per day, deal, flow kind, payer and payee
    spend_total     one row per day, organisation and measure, netted within its flow kind
    spend_customer  one row per day and organisation: what is published

Who is paid and who pays is a table of roles by kind, in order: the first role that the deal names.
Roles that are named beside it are not paid by this deal. #}
{% macro money_flows() %}
paying_role as (
    select * from (
        values
        ('compute_supply', 'spend', 'payer', 'customer', 1),
        ('compute_supply', 'spend', 'payer', 'tenant', 2),
        ('compute_supply', 'spend', 'payer', 'sponsor', 3),
        ('compute_supply', 'spend', 'payer', 'operator', 4),
        ('compute_supply', 'spend', 'payee', 'supplier', 1),
        ('compute_supply', 'spend', 'payee', 'chip_vendor', 2),
        ('cloud_services', 'spend', 'payer', 'customer', 1),
        ('cloud_services', 'spend', 'payer', 'tenant', 2),
        ('cloud_services', 'spend', 'payer', 'sponsor', 3),
        ('cloud_services', 'spend', 'payer', 'operator', 4),
        ('cloud_services', 'spend', 'payee', 'cloud_provider', 1),
        ('cloud_services', 'spend', 'payee', 'supplier', 2),
        ('datacenter_lease', 'spend', 'payer', 'tenant', 1),
        ('datacenter_lease', 'spend', 'payer', 'customer', 2),
        ('datacenter_lease', 'spend', 'payer', 'sponsor', 3),
        ('datacenter_lease', 'spend', 'payer', 'operator', 4),
        ('datacenter_lease', 'spend', 'payee', 'landlord', 1),
        ('datacenter_lease', 'spend', 'payee', 'developer', 2),
        ('datacenter_lease', 'spend', 'payee', 'operator', 3),
        ('datacenter_development', 'spend', 'payer', 'customer', 1),
        ('datacenter_development', 'spend', 'payer', 'tenant', 2),
        ('datacenter_development', 'spend', 'payer', 'sponsor', 3),
        ('datacenter_development', 'spend', 'payer', 'operator', 4),
        ('datacenter_development', 'spend', 'payee', 'developer', 1),
        ('datacenter_development', 'spend', 'payee', 'supplier', 2),
        ('power_supply', 'spend', 'payer', 'customer', 1),
        ('power_supply', 'spend', 'payer', 'tenant', 2),
        ('power_supply', 'spend', 'payer', 'sponsor', 3),
        ('power_supply', 'spend', 'payer', 'operator', 4),
        ('power_supply', 'spend', 'payee', 'power_supplier', 1),
        ('power_supply', 'spend', 'payee', 'supplier', 2),
        ('joint_venture', 'plan', 'payer', 'customer', 1),
        ('joint_venture', 'plan', 'payer', 'tenant', 2),
        ('joint_venture', 'plan', 'payer', 'sponsor', 3),
        ('joint_venture', 'plan', 'payer', 'operator', 4),
        ('expansion_plan', 'plan', 'payer', 'customer', 1),
        ('expansion_plan', 'plan', 'payer', 'tenant', 2),
        ('expansion_plan', 'plan', 'payer', 'sponsor', 3),
        ('expansion_plan', 'plan', 'payer', 'operator', 4),
        ('equity_investment', 'equity', 'payer', 'investor', 1),
        ('equity_investment', 'equity', 'payee', 'investee', 1),
        ('debt_financing', 'debt', 'payer', 'lender', 1),
        ('debt_financing', 'debt', 'payee', 'borrower', 1),
        ('acquisition', 'acquisition', 'payer', 'acquirer', 1),
        ('acquisition', 'acquisition', 'payee', 'target', 1)
    ) as role_table (kind, flow_kind, side, role, preference)
),

guaranteed as (
    select distinct as_of_day, deal_id from party_known where role = 'guarantor'
),

paying as (
    select distinct
        party.as_of_day,
        party.deal_id
    from party_known as party
    inner join paying_role as role
        on party.kind = role.kind and party.role = role.role and role.side = 'payer'
),

valued as (
    select
        deal.as_of_day,
        deal.deal_id,
        deal.kind,
        {% for bound in ['low', 'base', 'high'] %}
        case when not deal.is_value_estimate then deal.value_usd_{{ bound }} end as value_usd_{{ bound }},
        {% endfor %}
        case
            when not deal.is_value_estimate then coalesce(deal.value_known_on, deal.first_known_on)
            else deal.first_known_on
        end as value_known_on,
        deal.first_known_on,
        deal.is_cash,
        deal.is_conditional,
        guaranteed.deal_id is not null as is_guaranteed,
        guaranteed.deal_id is not null and not deal.is_cash as is_value_guarantee,
        paying.deal_id is not null as is_payer_named
    from standing as deal
    left join guaranteed
        on deal.deal_id = guaranteed.deal_id and deal.as_of_day = guaranteed.as_of_day
    left join paying
        on deal.deal_id = paying.deal_id and deal.as_of_day = paying.as_of_day
),

-- A value is that of the loan or lease or that of the guarantee; the other flow is of unknown size.
-- Where nobody is named who pays, there is nothing but the guarantee.
deal_flow as (
    select
        deal.as_of_day,
        deal.deal_id,
        deal.kind,
        role.flow_kind,
        {% for bound in ['low', 'base', 'high'] %}
        case when not deal.is_value_guarantee then deal.value_usd_{{ bound }} end as value_usd_{{ bound }},
        {% endfor %}
        case when deal.is_value_guarantee then deal.first_known_on else deal.value_known_on end as known_on,
        deal.is_cash or deal.is_value_guarantee as is_cash,
        deal.is_conditional and not deal.is_value_guarantee as is_conditional
    from valued as deal
    inner join (select distinct kind, flow_kind from paying_role) as role
        on deal.kind = role.kind
    where not deal.is_value_guarantee or deal.is_payer_named
    union all
    select
        as_of_day,
        deal_id,
        kind,
        'guarantee' as flow_kind,
        {% for bound in ['low', 'base', 'high'] %}
        case when is_value_guarantee then value_usd_{{ bound }} end as value_usd_{{ bound }},
        {% endfor %}
        case when is_value_guarantee then value_known_on else first_known_on end as known_on,
        false as is_cash,
        true as is_conditional
    from valued
    where is_guaranteed
),

side_candidate as (
    select
        party.as_of_day,
        party.deal_id,
        role.flow_kind,
        role.side,
        role.preference,
        party.org_id,
        party.share,
        party.party_seq,
        party.known_on
    from party_known as party
    inner join paying_role as role
        on party.kind = role.kind and party.role = role.role
    union all
    select
        party.as_of_day,
        party.deal_id,
        'guarantee' as flow_kind,
        case when party.role = 'guarantor' then 'payer' else 'payee' end as side,
        case party.role when 'tenant' then 2 when 'customer' then 3 when 'developer' then 4 else 1 end
            as preference,
        party.org_id,
        party.share,
        party.party_seq,
        party.known_on
    from party_known as party
    where party.role in ('guarantor', 'borrower', 'tenant', 'customer', 'developer')
),

side_preferred as (
    select
        as_of_day,
        deal_id,
        flow_kind,
        side,
        min(preference) as preference
    from side_candidate
    group by as_of_day, deal_id, flow_kind, side
),

side_chosen as (
    select
        candidate.as_of_day,
        candidate.deal_id,
        candidate.flow_kind,
        candidate.side,
        candidate.org_id,
        min(candidate.party_seq) as party_seq,
        min(candidate.known_on) as known_on,
        sum(candidate.share) as stated_share
    from side_candidate as candidate
    inner join side_preferred as preferred
        on
            candidate.as_of_day = preferred.as_of_day
            and candidate.deal_id = preferred.deal_id
            and candidate.flow_kind = preferred.flow_kind
            and candidate.side = preferred.side
            and candidate.preference = preferred.preference
    group by
        candidate.as_of_day, candidate.deal_id, candidate.flow_kind, candidate.side, candidate.org_id
),

{{ party_shares('side_shared', 'side_chosen', ['as_of_day', 'deal_id', 'flow_kind', 'side']) }},

money_flow_cut as (
    select
        flow.as_of_day,
        flow.deal_id,
        flow.kind,
        flow.flow_kind,
        coalesce(payer.org_id, 'undisclosed') as payer_id,
        coalesce(payee.org_id, 'undisclosed') as payee_id,
        flow.value_usd_low,
        flow.value_usd_base,
        flow.value_usd_high,
        greatest(
            flow.known_on,
            coalesce(payer.known_on, flow.known_on),
            coalesce(payee.known_on, flow.known_on)
        ) as known_on,
        flow.is_cash,
        flow.is_conditional,
        coalesce(payer.share, 1) * coalesce(payee.share, 1) as share,
        sum(coalesce(payer.share, 1) * coalesce(payee.share, 1)) over (
            partition by flow.as_of_day, flow.deal_id, flow.flow_kind
            order by payer.party_seq, payer.org_id, payee.party_seq, payee.org_id
            rows between unbounded preceding and current row
        ) as share_so_far
    from deal_flow as flow
    left join side_shared as payer
        on
            flow.as_of_day = payer.as_of_day
            and flow.deal_id = payer.deal_id
            and flow.flow_kind = payer.flow_kind
            and payer.side = 'payer'
    left join side_shared as payee
        on
            flow.as_of_day = payee.as_of_day
            and flow.deal_id = payee.deal_id
            and flow.flow_kind = payee.flow_kind
            and payee.side = 'payee'
),

-- A purchase is pass-through when its deal supplies another in which its payer is paid.
pass_through as (
    select distinct
        link.as_of_day,
        link.deal_id,
        bought.payer_id
    from links_known as link
    inner join money_flow_cut as bought
        on link.deal_id = bought.deal_id and link.as_of_day = bought.as_of_day
    inner join money_flow_cut as served
        on
            link.to_deal_id = served.deal_id
            and link.as_of_day = served.as_of_day
            and bought.payer_id = served.payee_id
    where
        link.relation = 'supplies'
        and bought.payer_id <> 'undisclosed'
        and bought.flow_kind = 'spend'
        and served.flow_kind = 'spend'
),

-- Rounding the running sum, not each part, makes the parts add up to the value to the cent.
money_flow as {{ materialized() }} (
    select
        flow.as_of_day,
        flow.deal_id,
        flow.kind,
        flow.flow_kind,
        flow.payer_id,
        flow.payee_id,
        {% for bound in ['low', 'base', 'high'] %}
        cast(
            round(cast(flow.value_usd_{{ bound }} as double) * flow.share_so_far, 2)
            - round(cast(flow.value_usd_{{ bound }} as double) * (flow.share_so_far - flow.share), 2)
            as {{ usd_type() }}
        ) as usd_{{ bound }},
        {% endfor %}
        flow.share,
        flow.known_on,
        flow.is_cash,
        flow.is_conditional,
        coalesce(through.deal_id is not null, false) as is_pass_through
    from money_flow_cut as flow
    left join pass_through as through
        on
            flow.as_of_day = through.as_of_day
            and flow.deal_id = through.deal_id
            and flow.payer_id = through.payer_id
            and flow.flow_kind = 'spend'
)
{% endmacro %}

{% macro money_keys() %}{{ return(['as_of_day', 'org_id', 'measure']) }}{% endmacro %}

{% macro spend_panel() %}
-- What an organisation commits to spend and raises; the system is the organisation `all`, whose
-- spend leaves out what only passes through a provider.
money_measure as (
    select flow.*, flow.payer_id as org_id, 'spend' as measure
    from money_flow as flow
    where flow.flow_kind = 'spend' and flow.is_cash
    union all
    select flow.*, 'all' as org_id, 'spend' as measure
    from money_flow as flow
    where flow.flow_kind = 'spend' and flow.is_cash and not flow.is_pass_through
    union all
    select flow.*, flow.payer_id as org_id, 'pass_through' as measure
    from money_flow as flow
    where flow.flow_kind = 'spend' and flow.is_cash and flow.is_pass_through
    union all
    select flow.*, 'all' as org_id, 'pass_through' as measure
    from money_flow as flow
    where flow.flow_kind = 'spend' and flow.is_cash and flow.is_pass_through
    union all
    select flow.*, flow.payee_id as org_id, flow.flow_kind as measure
    from money_flow as flow
    where flow.flow_kind in ('equity', 'debt') and flow.is_cash
    union all
    select flow.*, 'all' as org_id, flow.flow_kind as measure
    from money_flow as flow
    where flow.flow_kind in ('equity', 'debt') and flow.is_cash
),

money_item as {{ materialized() }} (
    select
        as_of_day,
        org_id,
        measure,
        deal_id,
        sum(usd_low) as own_low,
        sum(usd_base) as own_base,
        sum(usd_high) as own_high,
        sum(share) as portion
    from money_measure
    group by as_of_day, org_id, measure, deal_id
    union all
    select
        measured.as_of_day,
        measured.org_id,
        'spend_firm' as measure,
        measured.deal_id,
        sum(measured.usd_low) as own_low,
        sum(measured.usd_base) as own_base,
        sum(measured.usd_high) as own_high,
        sum(measured.share) as portion
    from money_measure as measured
    inner join standing as deal
        on measured.deal_id = deal.deal_id and measured.as_of_day = deal.as_of_day
    where measured.measure = 'spend' and deal.is_firm
    group by measured.as_of_day, measured.org_id, measured.deal_id
),

{{ netting('money_netting', 'money_item', 'usd', money_keys(), portion=true) }},

-- Unknown is null, none is 0: a total is null only where every one of its deals has no value.
spend_total as {{ materialized() }} (
    select
        as_of_day,
        org_id,
        measure,
        case when valued_count > 0 then total_low end as total_low,
        case when valued_count > 0 then total_base end as total_base,
        case when valued_count > 0 then total_high end as total_high,
        deal_count,
        deal_count - valued_count as unvalued_count
    from money_netting_total
),

organization_in_flow as (
    select as_of_day, payer_id as org_id, deal_id from money_flow
    union
    select as_of_day, payee_id as org_id, deal_id from money_flow
    union
    select as_of_day, 'all' as org_id, deal_id from money_flow
    union
    select as_of_day, customer_id as org_id, deal_id from customer_of
),

spend_evidence as (
    select
        flow.as_of_day,
        flow.org_id,
        {{ array_union_agg('deal.source_ids') }} as source_ids,
        {{ lowest_confidence('deal.confidence') }} as confidence
    from organization_in_flow as flow
    inner join standing as deal
        on flow.deal_id = deal.deal_id and flow.as_of_day = deal.as_of_day
    where flow.org_id <> 'undisclosed'
    group by flow.as_of_day, flow.org_id
),

beside_the_totals as (
    select
        as_of_day,
        org_id,
        sum(case when flow_kind = 'guarantee' then usd_base end) as contingent_base,
        max(case when flow_kind = 'plan' then deal_usd_base end) as planned_base,
        count(case when flow_kind = 'guarantee' then 1 end) as guarantee_count,
        count(case when flow_kind = 'plan' then 1 end) as plan_count
    from (
        select as_of_day, payer_id as org_id, flow_kind, deal_id, usd_base, sum(usd_base) over (
            partition by as_of_day, payer_id, flow_kind, deal_id
        ) as deal_usd_base
        from money_flow
        where flow_kind in ('guarantee', 'plan')
        union all
        select as_of_day, 'all' as org_id, flow_kind, deal_id, usd_base, sum(usd_base) over (
            partition by as_of_day, flow_kind, deal_id
        ) as deal_usd_base
        from money_flow
        where flow_kind in ('guarantee', 'plan')
    ) as beside
    group by as_of_day, org_id
),

usd_per_gw as (
    select
        days.as_of_day,
        max(case when scenario.scenario = 'low' then scenario.value end) as usd_per_gw_low,
        max(case when scenario.scenario = 'base' then scenario.value end) as usd_per_gw_base,
        max(case when scenario.scenario = 'high' then scenario.value end) as usd_per_gw_high,
        {{ array_union_agg('scenario.source_ids') }} as source_ids,
        min({{ confidence_rank('scenario.confidence') }}) as confidence_rank
    from days
    inner join {{ published('dim_scenario') }} as scenario
        on scenario.known_on <= days.as_of_day
    where scenario.metric = 'usd_per_gw'
    group by days.as_of_day
),

spend_customer as {{ materialized() }} (
    select
        evidence.as_of_day,
        evidence.org_id as customer_id,
        {% for bound in ['low', 'base', 'high'] %}
        cast({{ money_or_none('spend', bound) }} as {{ usd_type() }}) as announced_usd_{{ bound }},
        {% endfor %}
        cast({{ money_or_none('spend_firm', 'base') }} as {{ usd_type() }}) as firm_usd_base,
        {% for bound in ['low', 'base', 'high'] %}
        cast(
            cast(capacity.total_gw_{{ bound }} as double) * cost.usd_per_gw_{{ bound }} as {{ usd_type() }}
        ) as implied_usd_{{ bound }},
        {% endfor %}
        cast(case
            when equity.total_base is null and debt.total_base is null
                then case when equity.deal_count is null and debt.deal_count is null then 0 end
            else coalesce(equity.total_base, 0) + coalesce(debt.total_base, 0)
        end as {{ usd_type() }}) as capital_raised_usd_base,
        cast({{ money_or_none('pass_through', 'base') }} as {{ usd_type() }}) as pass_through_usd_base,
        cast(case
            when coalesce(beside.guarantee_count, 0) = 0 then 0 else beside.contingent_base
        end as {{ usd_type() }}) as contingent_usd_base,
        cast(case
            when coalesce(beside.plan_count, 0) = 0 then 0 else beside.planned_base
        end as {{ usd_type() }}) as planned_usd_base,
        cast(coalesce(spend.unvalued_count, 0) as integer) as unvalued_deal_count,
        cast(
            coalesce(equity.unvalued_count, 0) + coalesce(debt.unvalued_count, 0) as integer
        ) as unvalued_capital_count,
        cast(coalesce(pass_through.unvalued_count, 0) as integer) as unvalued_pass_through_count,
        -- Implied spend rests on the documents of the cost of a gigawatt too.
        {{ array_union([
            'evidence.source_ids',
            'case when capacity.total_gw_base is not null then cost.source_ids end',
        ]) }} as source_ids,
        {{ confidence_word(
            'least(' ~ confidence_rank('evidence.confidence')
            ~ ', case when capacity.total_gw_base is not null then coalesce(cost.confidence_rank, 3)'
            ~ ' else 3 end)'
        ) }} as confidence
    from spend_evidence as evidence
    {% for measure in ['spend', 'spend_firm', 'equity', 'debt', 'pass_through'] %}
    left join spend_total as {{ measure }}
        on
            evidence.as_of_day = {{ measure }}.as_of_day
            and evidence.org_id = {{ measure }}.org_id
            and {{ measure }}.measure = '{{ measure }}'
    {% endfor %}
    left join beside_the_totals as beside
        on evidence.as_of_day = beside.as_of_day and evidence.org_id = beside.org_id
    left join capacity_customer as capacity
        on
            evidence.as_of_day = capacity.as_of_day
            and evidence.org_id = capacity.customer_id
            and capacity.layer = 'net'
    left join usd_per_gw as cost
        on evidence.as_of_day = cost.as_of_day
)
{% endmacro %}

{% macro money_or_none(measure, bound) -%}
case when {{ measure }}.deal_count is null then 0 else {{ measure }}.total_{{ bound }} end
{%- endmacro %}

{# The columns of marts.spend_by_customer, after spend_panel(). #}
{% macro spend_columns() %}
customer_id,
    announced_usd_low,
    announced_usd_base,
    announced_usd_high,
    firm_usd_base,
    implied_usd_low,
    implied_usd_base,
    implied_usd_high,
    capital_raised_usd_base,
    pass_through_usd_base,
    contingent_usd_base,
    planned_usd_base,
    unvalued_deal_count,
    unvalued_capital_count,
    unvalued_pass_through_count,
    source_ids,
    confidence
{%- endmacro %}

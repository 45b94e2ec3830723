with claim as (
    select * from {{ ref('int_claims__days') }}
    where asked = 'now'
),

measured as (
    select * from {{ ref('int_claims__measured') }}
),

-- A ceiling is met when it is reached, not when something stays under it.
compared as (
    select
        claim.claim_id,
        claim.title,
        claim.said_by,
        claim.known_on as said_on,
        claim.measure,
        claim.org_id,
        claim.unit,
        claim.claimed_qualifier,
        claim.claimed_low,
        claim.claimed_base,
        claim.claimed_high,
        least(
            case claim.claimed_qualifier when 'up_to' then claim.claimed_base else claim.claimed_low end,
            claim.claimed_base * (1 - {{ claim_tolerance_share() }})
        ) as met_from,
        greatest(
            claim.claimed_high, claim.claimed_base * (1 + {{ claim_tolerance_share() }})
        ) as met_to,
        claim.as_of_day as measured_as_of,
        now_measured.measured_low as now_low,
        now_measured.measured_base as now_base,
        now_measured.measured_high as now_high,
        now_measured.evidence_count,
        coalesce(now_measured.rests_on_derived, false) as rests_on_derived,
        then_measured.measured_low as then_low,
        then_measured.measured_base as then_base,
        then_measured.measured_high as then_high,
        then_measured.firm_base as then_firm,
        claim.measure in (
            'announced_spend_usd', 'announced_net_gw', 'announced_chips_gw', 'plan_gw', 'plan_usd'
        ) as is_sum_of_contracts,
        claim.disputed_by,
        {{ array_union([
            'claim.source_ids', 'claim.disputed_by',
            'now_measured.source_ids', 'then_measured.source_ids'
        ]) }} as source_ids,
        {{ lower_confidence([
            'claim.confidence',
            "coalesce(now_measured.confidence, 'high')",
            "coalesce(then_measured.confidence, 'high')"
        ]) }} as confidence
    from claim
    left join measured as now_measured
        on claim.claim_id = now_measured.claim_id and now_measured.asked = 'now'
    left join measured as then_measured
        on claim.claim_id = then_measured.claim_id and then_measured.asked = 'then'
),

reasoned as (
    select
        *,
        case
            when now_low is null and then_low is null then 'nothing_measured'
            when is_sum_of_contracts and then_high >= met_from and then_low <= met_to
                then 'contracts_met_then'
            when is_sum_of_contracts and now_base between met_from and met_to
                then 'contracts_met_now'
            when is_sum_of_contracts and then_firm > met_to then 'firm_contracts_exceed'
            when is_sum_of_contracts and then_base > met_to then 'contracts_exceed'
            when is_sum_of_contracts then 'contracts_below'
            when measure = 'usd_per_gw' and evidence_count < {{ least_priced_deals() }}
                then 'too_few_prices'
            when measure = 'usd_per_gw' and now_base between met_from and met_to
                then 'median_meets'
            when measure = 'usd_per_gw' and met_to >= now_low and met_from <= now_high
                then 'between_layers'
            when measure = 'usd_per_gw' then 'outside_layers'
            when measure = 'token_growth_factor' and org_id is null then 'no_sum_of_series'
            when rests_on_derived then 'rests_on_derived'
            when now_low >= met_from and now_high <= met_to then 'figure_meets'
            when now_high < met_from or now_low > met_to then 'figure_differs'
            else 'figures_disagree'
        end as reason
    from compared
)

select
    claim_id,
    title,
    said_by,
    said_on,
    measure,
    org_id,
    unit,
    claimed_qualifier,
    claimed_low as claimed_value_low,
    claimed_base as claimed_value,
    claimed_high as claimed_value_high,
    now_low as measured_value_low,
    now_base as measured_value,
    now_high as measured_value_high,
    measured_as_of,
    then_low as measured_then_low,
    then_base as measured_then,
    then_high as measured_then_high,
    case
        when reason in ('contracts_met_then', 'contracts_met_now', 'median_meets', 'figure_meets')
            then 'supported'
        when reason in ('firm_contracts_exceed', 'outside_layers', 'figure_differs')
            then 'contradicted'
        when reason in (
            'contracts_exceed',
            'between_layers',
            'no_sum_of_series',
            'rests_on_derived',
            'figures_disagree'
        ) then 'not_comparable'
        else 'open'
    end as verdict,
    case reason
        when 'nothing_measured'
            then 'The ledger holds nothing to measure it by.'
        when 'contracts_met_then'
            then concat(
                'The contracts known on that day come to ', {{ figure_text('then_base', 'unit') }},
                case
                    when then_high > then_low
                        then concat(
                            ', and may be from ', {{ figure_text('then_low', 'unit') }}, ' to ',
                            {{ figure_text('then_high', 'unit') }}
                        )
                    else ''
                end,
                ': the claim agrees with them.'
            )
        when 'contracts_met_now'
            then concat(
                'The contracts known on that day came to ', {{ figure_text('then_base', 'unit') }},
                '; those known since reach the claim.'
            )
        when 'firm_contracts_exceed'
            then concat(
                'The firm contracts known on that day alone come to ',
                {{ figure_text('then_firm', 'unit') }}, ', more than was claimed.'
            )
        when 'contracts_exceed'
            then concat(
                'More was announced on that day, ', {{ figure_text('then_base', 'unit') }},
                ', than was claimed: the claim is about a part of it.'
            )
        when 'contracts_below'
            then concat(
                'Contracts in the ledger come to ', {{ figure_text('then_base', 'unit') }},
                ' on that day and ', {{ figure_text('now_base', 'unit') }},
                ' today; a ledger of public contracts can confirm a larger sum, not refute it.'
            )
        when 'too_few_prices'
            then 'Too few firm deals state both a value and a capacity.'
        when 'median_meets'
            then concat('The median of ', {{ as_text('evidence_count') }}, ' firm deals agrees.')
        when 'between_layers'
            then concat(
                'The median of ', {{ as_text('evidence_count') }}, ' firm deals is ',
                {{ figure_text('now_base', 'unit') }}, ', by layer from ',
                {{ figure_text('now_low', 'unit') }}, ' to ', {{ figure_text('now_high', 'unit') }},
                '. A site, chips and a cloud contract pay for different things,',
                ' and the claim lies between them.'
            )
        when 'outside_layers'
            then concat(
                'The medians by layer of ', {{ as_text('evidence_count') }}, ' firm deals run from ',
                {{ figure_text('now_low', 'unit') }}, ' to ', {{ figure_text('now_high', 'unit') }}, '.'
            )
        when 'no_sum_of_series'
            then concat(
                'Series cannot be added. ', {{ as_text('evidence_count') }},
                ' of them were observed at both ends of the span and grew by ',
                {{ figure_text('now_low', 'unit') }}, ' to ', {{ figure_text('now_high', 'unit') }}, '.'
            )
        when 'rests_on_derived'
            then concat(
                'The measured ', {{ figure_text('now_base', 'unit') }},
                ' rests on a figure that was derived, perhaps from the claim itself.'
            )
        when 'figure_meets'
            then concat('The same series measures ', {{ figure_text('now_base', 'unit') }}, '.')
        when 'figure_differs'
            then concat('Measured is ', {{ figure_text('now_base', 'unit') }}, '.')
        when 'figures_disagree'
            then concat(
                'The figures run from ', {{ figure_text('now_low', 'unit') }}, ' to ',
                {{ figure_text('now_high', 'unit') }}, ': some agree with the claim, some do not.'
            )
    end as note,
    disputed_by,
    source_ids,
    confidence
from reasoned

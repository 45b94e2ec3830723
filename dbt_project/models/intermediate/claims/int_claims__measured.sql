with claim_day as (
    select * from {{ ref('int_claims__days') }}
),

panel as (
    select * from {{ ref('int_claims__panel_measures') }}
),

capacity as (
    select * from {{ ref('int_capacity__on_days') }}
),

spend as (
    select * from {{ ref('int_spend__on_days') }}
),

price as (
    select * from {{ ref('int_claims__dollars_per_gigawatt') }}
),

series_growth as (
    select * from {{ ref('int_claims__series_growth') }}
),

token_volume as (
    select * from {{ ref('fct_token_volume') }}
),

figure as (
    select * from {{ ref('fct_financial_figure') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

firm_capacity as (
    select
        as_of_day,
        customer_id,
        max(case when layer = 'net' then firm_gw_base end) as net_gw,
        max(case when layer = 'chips' then firm_gw_base end) as chips_gw
    from capacity
    group by as_of_day, customer_id
),

-- What contracts add up to. Of capacity the truth lies between net and gross.
of_contracts as (
    select
        claim_day.claim_id,
        claim_day.asked,
        cast(case claim_day.measure
            when 'announced_spend_usd' then panel.announced_usd_low
            when 'announced_net_gw' then panel.net_gw_low
            when 'announced_chips_gw' then panel.chips_gw_low
            when 'plan_gw' then panel.plan_gw_low
            when 'plan_usd' then panel.plan_usd_base
        end as double) as measured_low,
        cast(case claim_day.measure
            when 'announced_spend_usd' then panel.announced_usd_base
            when 'announced_net_gw' then panel.net_gw_base
            when 'announced_chips_gw' then panel.chips_gw_base
            when 'plan_gw' then panel.plan_gw_base
            when 'plan_usd' then panel.plan_usd_base
        end as double) as measured_base,
        cast(case claim_day.measure
            when 'announced_spend_usd' then panel.announced_usd_high
            when 'announced_net_gw' then panel.gross_gw_high
            when 'announced_chips_gw' then panel.chips_gw_high
            when 'plan_gw' then panel.plan_gw_high
            when 'plan_usd' then panel.plan_usd_base
        end as double) as measured_high,
        cast(case claim_day.measure
            when 'announced_spend_usd' then spend.firm_usd_base
            when 'announced_net_gw' then firm_capacity.net_gw
            when 'announced_chips_gw' then firm_capacity.chips_gw
        end as double) as firm_base,
        panel.source_ids,
        panel.confidence
    from claim_day
    inner join panel
        on claim_day.as_of_day = panel.as_of_day and claim_day.customer_id = panel.customer_id
    left join spend
        on claim_day.as_of_day = spend.as_of_day and claim_day.customer_id = spend.customer_id
    left join firm_capacity
        on
            claim_day.as_of_day = firm_capacity.as_of_day
            and claim_day.customer_id = firm_capacity.customer_id
    where
        claim_day.measure in (
            'announced_spend_usd', 'announced_net_gw', 'announced_chips_gw', 'plan_gw', 'plan_usd'
        )
),

-- A claim about one organisation is held against its total, where one was observed.
widest_growth as (
    select
        series_growth.*,
        claim_day.org_id is null as is_about_everyone,
        max(case when series_growth.level = 'provider_total' then 1 else 0 end) over (
            partition by series_growth.claim_id, series_growth.asked
        ) as has_total
    from series_growth
    inner join claim_day
        on series_growth.claim_id = claim_day.claim_id and series_growth.asked = claim_day.asked
),

of_growth as (
    select
        claim_id,
        asked,
        min(yearly_growth_factor) as measured_low,
        case
            when count(*) = 1 and max(case when is_about_everyone then 1 else 0 end) = 0
                then max(yearly_growth_factor)
        end as measured_base,
        max(yearly_growth_factor) as measured_high,
        count(*) as evidence_count,
        max(case when rests_on_derived then 1 else 0 end) = 1 as rests_on_derived,
        {{ array_union_agg('source_ids') }} as source_ids,
        {{ lowest_confidence('confidence') }} as confidence
    from widest_growth
    where is_about_everyone or has_total = 0 or level = 'provider_total'
    group by claim_id, asked
),

-- One series, never a sum of several: the organisation's total, else the largest of its parts.
ranked_volume as (
    select
        claim_day.claim_id,
        claim_day.asked,
        token_volume.tokens_per_month_low,
        token_volume.tokens_per_month_base,
        token_volume.tokens_per_month_high,
        token_volume.source_ids,
        token_volume.confidence,
        row_number() over (
            partition by claim_day.claim_id, claim_day.asked
            order by
                case
                    when token_volume.level in ('provider_total', 'world_estimate') then 0 else 1
                end,
                token_volume.period_middle desc,
                token_volume.tokens_per_month_base desc,
                token_volume.observation_id desc
        ) as preference
    from claim_day
    inner join token_volume
        on
            token_volume.known_on <= claim_day.as_of_day
            and (
                token_volume.org_id = claim_day.org_id
                or (claim_day.org_id is null and token_volume.level = 'world_estimate')
            )
            and (
                claim_day.span_from is null
                or token_volume.period_middle between
                {{ add_days('claim_day.span_from', '-' ~ claim_span_tolerance_days()) }}
                and {{ add_days('claim_day.span_to', claim_span_tolerance_days()) }}
            )
    where
        claim_day.measure = 'tokens_per_month'
        and token_volume.tokens_per_month_base is not null
        and (claim_day.org_id is null or token_volume.basis in ('stated', 'measured'))
),

fitting_volume as (
    select * from ranked_volume
    where preference = 1
),

capex_day as (
    select distinct as_of_day
    from claim_day
    where measure = 'capex_usd_year'
),

{{ quarters_known('figure', 'capex_day', 'build') }},

-- A year counts only where each of its quarters is known.
capex_of_company as (
    select
        claim_day.claim_id,
        claim_day.asked,
        capex.org_id,
        sum(capex.amount_usd_low) as capex_usd_low,
        sum(capex.amount_usd_base) as capex_usd_base,
        sum(capex.amount_usd_high) as capex_usd_high,
        {{ array_union_agg('capex.source_ids') }} as source_ids,
        {{ lowest_confidence('capex.confidence') }} as confidence
    from claim_day
    inner join preferred_capex as capex
        on
            capex.as_of_day = claim_day.as_of_day
            and capex.quarter_start >= claim_day.span_from
            and capex.quarter_end <= claim_day.span_to
            and (claim_day.org_id is null or capex.org_id = claim_day.org_id)
    where claim_day.measure = 'capex_usd_year'
    group by
        claim_day.claim_id, claim_day.asked, capex.org_id, claim_day.span_from, claim_day.span_to
    having
        count(*) * 3
        = {{ month_index('claim_day.span_to') }} - {{ month_index('claim_day.span_from') }} + 1
),

of_capex as (
    select
        claim_id,
        asked,
        cast(sum(capex_usd_low) as double) as measured_low,
        cast(sum(capex_usd_base) as double) as measured_base,
        cast(sum(capex_usd_high) as double) as measured_high,
        count(*) as evidence_count,
        {{ array_union_agg('source_ids') }} as source_ids,
        {{ lowest_confidence('confidence') }} as confidence
    from capex_of_company
    group by claim_id, asked
)

select
    claim_id,
    asked,
    measured_low,
    measured_base,
    measured_high,
    firm_base,
    cast(null as bigint) as evidence_count,
    false as rests_on_derived,
    source_ids,
    confidence
from of_contracts
union all
select
    claim_id,
    asked,
    usd_per_gw_low,
    usd_per_gw,
    usd_per_gw_high,
    cast(null as double),
    deal_count,
    false,
    source_ids,
    confidence
from price
union all
select
    claim_id,
    asked,
    measured_low,
    measured_base,
    measured_high,
    cast(null as double),
    evidence_count,
    rests_on_derived,
    source_ids,
    confidence
from of_growth
union all
select
    claim_id,
    asked,
    tokens_per_month_low,
    tokens_per_month_base,
    tokens_per_month_high,
    cast(null as double),
    1,
    false,
    source_ids,
    confidence
from fitting_volume
union all
select
    claim_id,
    asked,
    measured_low,
    measured_base,
    measured_high,
    cast(null as double),
    evidence_count,
    false,
    source_ids,
    confidence
from of_capex

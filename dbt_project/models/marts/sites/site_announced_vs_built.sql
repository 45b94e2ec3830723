with site_power as (
    select * from {{ ref('fct_site_power') }}
),

site_match as (
    select * from {{ ref('stg_epoch__site_match') }}
),

deal_state as (
    select * from {{ ref('fct_deal_state') }}
),

standing as (
    select
        site_power.*,
        row_number() over (partition by site_name order by stands_on desc) as place
    from site_power
    where not is_projection
),

expected as (
    select
        site_name,
        max(power_gw) as power_gw
    from site_power
    group by site_name
),

built as (
    select
        site_match.deal_id,
        max(standing.as_of_day) as as_of_day,
        {{ array_agg_distinct('standing.site_name') }} as site_names,
        sum(standing.power_gw) as built_gw,
        min(standing.power_basis) as built_basis,
        sum(expected.power_gw) as expected_gw,
        min(site_match.cause) as cause,
        min(site_match.note) as note,
        {{ array_union_agg('standing.snapshot_ids') }} as snapshot_ids,
        {{ lowest_confidence('standing.confidence') }} as confidence
    from standing
    inner join site_match
        on standing.site_name = site_match.site_name
    inner join expected
        on standing.site_name = expected.site_name
    where standing.place = 1
    group by site_match.deal_id
)

select
    deal_state.deal_id,
    deal_state.title as deal_title,
    built.site_names,
    built.as_of_day,
    deal_state.capacity_gw_low as announced_gw_low,
    deal_state.capacity_gw_base as announced_gw_base,
    deal_state.capacity_gw_high as announced_gw_high,
    deal_state.power_basis as announced_basis,
    deal_state.online_gw_base,
    cast(built.built_gw as {{ gw_type() }}) as built_gw,
    built.built_basis,
    cast(built.expected_gw as {{ gw_type() }}) as expected_gw,
    cast(
        case when deal_state.power_basis = built.built_basis
            then deal_state.capacity_gw_base - built.built_gw
        end as {{ gw_type() }}
    ) as not_built_gw,
    built.cause,
    built.note,
    built.snapshot_ids,
    deal_state.source_ids,
    {{ lower_confidence(['deal_state.confidence', 'built.confidence']) }} as confidence
from built
inner join deal_state
    on
        built.deal_id = deal_state.deal_id
        and deal_state.valid_from <= built.as_of_day
        and coalesce(deal_state.valid_to, {{ add_days('built.as_of_day', 1) }}) > built.as_of_day

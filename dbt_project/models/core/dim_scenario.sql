with scenario as (
    select * from {{ ref('stg_ledger__scenario') }}
),

assumption as (
    select * from {{ ref('dim_assumption') }}
),

taken as (
    select
        scenario.metric,
        scenario.unit,
        scenario.scenario,
        scenario.assumption_id,
        scenario.take,
        scenario.transform,
        cast(scenario.tokens_per_prompt as double) as tokens_per_prompt,
        scenario.notes,
        assumption.known_on,
        case scenario.take
            when 'low' then assumption.low
            when 'high' then assumption.high
            else assumption.base
        end as taken_value,
        assumption.unit as taken_unit,
        assumption.source_ids,
        assumption.confidence
    from scenario
    inner join assumption
        on scenario.assumption_id = assumption.assumption_id
)

select
    metric,
    unit,
    scenario,
    assumption_id,
    take,
    transform,
    tokens_per_prompt,
    taken_value,
    taken_unit,
    case
        when transform is null then taken_value
        when transform = 'reciprocal' then 1 / nullif(taken_value, 0)
        when transform = 'watt_hours_a_prompt'
            then taken_value * {{ joules_a_watt_hour() }} / nullif(tokens_per_prompt, 0)
    end as value,
    known_on,
    notes,
    source_ids,
    confidence
from taken

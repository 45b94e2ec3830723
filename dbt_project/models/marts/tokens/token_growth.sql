with neighbour as (
    select * from {{ ref('int_token_volumes__neighbours') }}
    where next_observation_id is not null
),

measured as (
    select
        *,
        {{ days_between('period_middle', 'next_period_middle') }} as days,
        {{ log_growth('tokens_per_month_base', 'next_tokens_per_month_base') }} as log_growth_base,
        {{ log_growth('tokens_per_month_high', 'next_tokens_per_month_low') }} as log_growth_low,
        {{ log_growth('tokens_per_month_low', 'next_tokens_per_month_high') }} as log_growth_high
    from neighbour
)

select
    org_id,
    scope,
    measure,
    level,
    observation_id as from_observation_id,
    next_observation_id as to_observation_id,
    period_middle as from_on,
    next_period_middle as to_on,
    case when known_on < next_known_on then next_known_on else known_on end as known_on,
    days,
    days < {{ short_span_days() }} as is_short_span,
    tokens_per_month_base as from_tokens_per_month,
    next_tokens_per_month_base as to_tokens_per_month,
    {{ yearly_factor('log_growth_low', 'days') }} as yearly_growth_factor_low,
    {{ yearly_factor('log_growth_base', 'days') }} as yearly_growth_factor,
    {{ yearly_factor('log_growth_high', 'days') }} as yearly_growth_factor_high,
    case when log_growth_base > 0 then days * ln(2) / log_growth_base end as doubling_days,
    case
        when log_growth_base is null then 'one of the two is zero'
        when {{ yearly_factor('log_growth_base', 'days') }} is null
            then 'too few days apart for a yearly factor'
        when log_growth_base <= 0 then 'not growing, so nothing doubles'
    end as reason,
    {{ array_union(['source_ids', 'next_source_ids']) }} as source_ids,
    {{ lower_confidence(['confidence', 'next_confidence']) }} as confidence
from measured

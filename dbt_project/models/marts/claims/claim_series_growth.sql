with series_growth as (
    select * from {{ ref('int_claims__series_growth') }}
)

select
    claim_id,
    asked,
    org_id,
    scope,
    measure,
    level,
    from_observation_id,
    to_observation_id,
    from_on,
    to_on,
    days,
    from_tokens_per_month,
    to_tokens_per_month,
    yearly_growth_factor,
    rests_on_derived,
    source_ids,
    confidence
from series_growth

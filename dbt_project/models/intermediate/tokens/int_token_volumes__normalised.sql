{{ config(materialized='view') }}

with observation as (
    select * from {{ ref('stg_ledger__token_observation') }}
),

bounded as (
    select
        *,
        {{ bounds('tokens', 'period_tokens', 'double') }},
        case
            when period_kind in ('minute', 'day') then period_start
            when period_kind = 'week' then {{ add_days('period_start', 6) }}
            when period_kind = 'month' then {{ add_days(add_months('period_start', 1), -1) }}
            when period_kind = 'quarter' then {{ add_days(add_months('period_start', 3), -1) }}
            when period_kind = 'half' then {{ add_days(add_months('period_start', 6), -1) }}
            when period_kind = 'year' then {{ add_days(add_months('period_start', 12), -1) }}
            when period_kind = 'cumulative' then cumulative_end
        end as period_end
    from observation
),

measured as (
    select
        *,
        {{ days_between('period_start', 'period_end') }} + 1 as period_days
    from bounded
),

normalised as (
    select
        *,
        {{ middle_day('period_start', 'period_days') }} as period_middle,
        case
            when measure <> 'peak_processed'
                then {{ tokens_per_month_factor('period_kind', 'period_days') }}
        end as factor
    from measured
)

select
    observation_id,
    org_id,
    scope,
    measure,
    level,
    basis,
    period_kind,
    period_start,
    period_end,
    period_middle,
    period_days,
    period_of_text,
    period_to_text,
    known_on,
    known_on_text,
    tokens_qualifier,
    period_tokens_low,
    period_tokens_base,
    period_tokens_high,
    {% for bound in ['low', 'base', 'high'] %}
    period_tokens_{{ bound }} * factor as tokens_per_month_{{ bound }},
    {% endfor %}
    notes,
    source_ids,
    confidence
from normalised

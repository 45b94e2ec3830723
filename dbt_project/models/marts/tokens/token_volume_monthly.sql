with neighbour as (
    select * from {{ ref('int_token_volumes__neighbours') }}
),

calendar as (
    select * from {{ ref('int_calendar__months') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

{{ token_months('neighbour', 'calendar') }}

select
    token_month.org_id,
    token_month.scope,
    token_month.measure,
    token_month.level,
    calendar.month,
    token_month.tokens_per_month_low,
    token_month.tokens_per_month_base,
    token_month.tokens_per_month_high,
    token_month.is_estimated,
    token_month.source_ids,
    token_month.confidence
from token_month
inner join calendar
    on token_month.month_index = calendar.month_index
inner join build
    on calendar.month <= build.today

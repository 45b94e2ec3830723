with figure as (
    select * from {{ ref('stg_ledger__capex') }}
),

document as (
    select * from {{ ref('stg_ledger__document') }}
),

cited as (
    select
        figure.capex_id,
        cited.source_id
    from figure
    {{ unnest_array('figure.source_ids', 'cited', 'source_id') }}
),

earliest_document as (
    select
        cited.capex_id,
        min(document.published_on) as published_on
    from cited
    inner join document
        on cited.source_id = document.source_id
    group by cited.capex_id
)

select
    figure.capex_id,
    figure.org_id,
    figure.kind,
    figure.metric,
    figure.basis,
    figure.period_end,
    figure.quarter_start,
    figure.quarter_end,
    figure.calendar_span,
    figure.fiscal_quarter,
    figure.for_period,
    -- An actual is known from its earliest document, and never before its period has ended.
    coalesce(
        figure.known_on,
        case
            when earliest_document.published_on < figure.period_end then figure.period_end
            else earliest_document.published_on
        end
    ) as known_on,
    figure.known_on_text,
    {{ bounds('amount', 'amount_usd', usd_type()) }},
    figure.notes,
    figure.source_ids,
    figure.confidence
from figure
left join earliest_document
    on figure.capex_id = earliest_document.capex_id

with source as (
    select * from {{ source('raw_ledger', 'capex') }}
),

typed as (
    select
        capex_id,
        org_id,
        kind,
        metric,
        basis,
        {{ period_last_day('period_end') }} as period_end,
        -- The ledger writes 2026Q3, the date macros read 2026-Q3.
        case
            when calendar_quarter is not null
                then concat(substring(calendar_quarter, 1, 4), '-', substring(calendar_quarter, 5, 2))
        end as quarter,
        calendar_quarter,
        calendar_span,
        fiscal_quarter,
        for_period,
        {{ period_last_day('known_on') }} as known_on,
        known_on as known_on_text,
        amount_value,
        amount_qualifier,
        amount_low,
        amount_high,
        source_ids,
        confidence,
        notes,
        file,
        line
    from source
)

select
    capex_id,
    org_id,
    kind,
    metric,
    basis,
    period_end,
    {{ period_first_day('quarter') }} as quarter_start,
    {{ period_last_day('quarter') }} as quarter_end,
    calendar_quarter,
    calendar_span,
    fiscal_quarter,
    for_period,
    known_on,
    known_on_text,
    amount_value,
    amount_qualifier,
    amount_low,
    amount_high,
    source_ids,
    confidence,
    notes,
    file,
    line
from typed

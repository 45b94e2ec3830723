{# The one measure of capital expenditure that companies state alike: the cash flow statement's. #}
{% macro comparable_capex_metric() %}purchases_of_property_and_equipment{% endmacro %}

{% macro quarter_first_day(date) %}cast({{ dbt.date_trunc('quarter', date) }} as date){% endmacro %}

{# What was known of each organisation's quarter on the days of a panel (S2).

Reads the relations `figures`, in the columns of fct_financial_figure, `days` (as_of_day) and
`build` (today), and adds
    known_figure      one row per day and figure of one calendar quarter
    preferred_capex   one row per day, organisation and quarter: the capital expenditure

Documents without a date leave known_on open: such a figure is known by today at the latest. The
measure that companies share comes before their own, then what became known last. #}
{% macro quarters_known(figures, days, build) %}
known_figure as (
    select
        days.as_of_day,
        figure.*
    from {{ figures }} as figure
    cross join {{ build }} as build
    inner join {{ days }} as days
        on coalesce(figure.known_on, build.today) <= days.as_of_day
    where
        figure.quarter_start is not null
        and figure.calendar_span is null
        and figure.amount_usd_base is not null
),

ranked_capex as (
    select
        *,
        row_number() over (
            partition by as_of_day, org_id, quarter_start
            order by
                case when metric = '{{ comparable_capex_metric() }}' then 0 else 1 end,
                known_on desc nulls last,
                capex_id
        ) as preference
    from known_figure
    where kind = 'capex_actual'
),

preferred_capex as (
    select * from ranked_capex
    where preference = 1
)
{% endmacro %}

{# Purchases of property and equipment in filings: the two tags that companies use for them. #}
{% macro filed_capex_tags() -%}
('PaymentsToAcquirePropertyPlantAndEquipment', 'PaymentsToAcquireProductiveAssets')
{%- endmacro %}

{# What filings say of each quarter, as they said it on a day; `quarters` and `balances` are the
tables. Adds:
    filed_capex    purchases of property and equipment, one row per organisation and quarter
    filed_backlog  remaining performance obligations, likewise #}
{% macro filed_as_of(quarters, balances, day) %}
told_quarter as (
    select
        *,
        row_number() over (
            partition by org_id, quarter_start order by period_end desc, tag desc
        ) as place
    from {{ quarters }}
    where
        tag in {{ filed_capex_tags() }}
        and known_on <= {{ day }}
        and (valid_to is null or valid_to > {{ day }})
),

filed_capex as (
    select * from told_quarter
    where place = 1
),

told_balance as (
    select
        *,
        row_number() over (partition by org_id, quarter_start order by balance_on desc) as place
    from {{ balances }}
    where
        tag = 'RevenueRemainingPerformanceObligation'
        and known_on <= {{ day }}
        and (valid_to is null or valid_to > {{ day }})
),

filed_backlog as (
    select * from told_balance
    where place = 1
)
{% endmacro %}

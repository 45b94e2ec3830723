with deal_event as (
    select * from {{ ref('stg_ledger__deal_event') }}
),

bounded as (
    select
        deal_id,
        event_seq,
        row_number() over (partition by deal_id order by known_on, event_seq) as fold_seq,
        known_on,
        known_on_text,
        kind,
        commitment,
        capacity_qualifier is not null as has_capacity,
        {{ bounds('capacity', 'capacity_gw', gw_type()) }},
        coalesce(capacity_qualifier = 'at_least', false) as is_open_ended,
        capacity_basis as power_basis,
        online_qualifier is not null as has_online,
        {{ bounds('online', 'online_gw', gw_type()) }},
        usd_qualifier is not null as has_value,
        {{ bounds('usd', 'value_usd', usd_type()) }},
        coalesce(usd_qualifier = 'at_least', false) as is_value_open_ended,
        coalesce(usd_is_cash, true) as is_cash,
        coalesce(usd_is_conditional, false) as is_conditional,
        coalesce(usd_is_estimate, false) as is_value_estimate,
        original_amount,
        original_currency,
        coalesce(has_term, false) as has_term,
        term_starts_on as starts_on,
        -- A start and a number of years end with the last of the term's whole months.
        coalesce(
            term_ends_on,
            {{ add_days(add_months(dbt.date_trunc('month', 'term_starts_on'), 'cast(round(term_years * 12) as integer)'), -1) }}
        ) as ends_on,
        coalesce(has_phases, false) as has_phases,
        coalesce(has_links, false) as has_links,
        source_ids
    from deal_event
)

select * from bounded

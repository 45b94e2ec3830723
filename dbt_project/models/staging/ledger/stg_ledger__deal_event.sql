with source as (
    select * from {{ source('raw_ledger', 'deal_event') }}
),

typed as (
    select
        deal_id,
        event_seq,
        {{ period_last_day('known_on') }} as known_on,
        known_on as known_on_text,
        kind,
        commitment,
        capacity_value,
        capacity_qualifier,
        capacity_low,
        capacity_high,
        capacity_basis,
        online_value,
        online_qualifier,
        online_low,
        online_high,
        usd_value,
        usd_qualifier,
        usd_low,
        usd_high,
        usd_is_cash,
        usd_is_conditional,
        usd_is_estimate,
        original_amount,
        original_currency,
        has_term,
        {{ period_first_day('term_starts') }} as term_starts_on,
        {{ period_last_day('term_ends') }} as term_ends_on,
        term_years,
        has_phases,
        has_links,
        source_ids
    from source
)

select * from typed

{# Accepted plus quarantined is received, snapshot by snapshot, and both are really there. #}
{% test accounts_for_every_feed_record(model) %}

with told as (
    select
        feed,
        raw_table,
        snapshot_id,
        sum(received) as received,
        sum(accepted) as accepted,
        sum(quarantined) as quarantined
    from {{ model }}
    group by feed, raw_table, snapshot_id
),

accepted as (
    {% for table, staged in [
        ('rate', 'stg_ecb__rate'),
        ('site', 'stg_epoch__site'),
        ('site_timeline', 'stg_epoch__site_timeline'),
        ('usage_report', 'stg_epoch__usage_report'),
        ('ranking', 'stg_openrouter__ranking'),
        ('fact', 'stg_sec_facts__fact'),
        ('price', 'stg_token_prices__price'),
        ('filing', 'stg_sec_filings__filing'),
        ('figure', 'stg_sec_filings__figure')
    ] %}
    select
        '{{ table }}' as raw_table,
        snapshot_id,
        count(*) as row_count
    from {{ ref(staged) }}
    group by snapshot_id
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

refused as (
    select
        raw_table,
        snapshot_id,
        count(*) as row_count
    from {{ ref('feed_quarantine') }}
    group by raw_table, snapshot_id
)

select
    told.*,
    coalesce(accepted.row_count, 0) as accepted_rows,
    coalesce(refused.row_count, 0) as refused_rows
from told
left join accepted
    on told.raw_table = accepted.raw_table and told.snapshot_id = accepted.snapshot_id
left join refused
    on told.raw_table = refused.raw_table and told.snapshot_id = refused.snapshot_id
where
    told.accepted + told.quarantined <> told.received
    or coalesce(accepted.row_count, 0) <> told.accepted
    or coalesce(refused.row_count, 0) <> told.quarantined

{% endtest %}

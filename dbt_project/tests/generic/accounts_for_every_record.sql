{# Accepted plus quarantined is received, kind by kind, and every refusal stands in the quarantine. #}
{% test accounts_for_every_record(model) %}

with refused as (
    select
        record_kind,
        count(*) as refused_count
    from {{ ref('quarantine') }}
    group by record_kind
)

select
    counted.record_kind,
    counted.received,
    counted.accepted,
    counted.quarantined,
    coalesce(refused.refused_count, 0) as refused_count
from {{ model }} as counted
left join refused
    on counted.record_kind = refused.record_kind
where
    counted.accepted + counted.quarantined <> counted.received
    or coalesce(refused.refused_count, 0) <> counted.quarantined

{% endtest %}

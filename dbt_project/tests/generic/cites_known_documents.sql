{# Every document that a row cites is one of core.dim_source (S13). #}
{% test cites_known_documents(model) %}

with cited as (
    select distinct cited.source_id
    from {{ model }} as checked
    {{ unnest_array('checked.source_ids', 'cited', 'source_id') }}
),

document as (
    select * from {{ ref('dim_source') }}
)

select cited.source_id
from cited
left join document
    on cited.source_id = document.source_id
where document.source_id is null

{% endtest %}

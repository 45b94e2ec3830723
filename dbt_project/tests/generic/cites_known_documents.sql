{# Every document that a row cites is one of core.dim_source (S13). #}
{% test cites_known_documents(model) %}

select distinct cited.source_id
from {{ model }} as checked
{{ unnest_array('checked.source_ids', 'cited', 'source_id') }}
left join {{ ref('dim_source') }} as document
    on cited.source_id = document.source_id
where document.source_id is null

{% endtest %}

{# A column that belongs to the group has one value in it: the level of a token series (S9). #}
{% test has_one_value_per_group(model, group, column) %}

select
    {{ group | join(', ') }},
    count(distinct {{ column }}) as value_count
from {{ model }}
group by {{ group | join(', ') }}
having count(distinct {{ column }}) > 1

{% endtest %}

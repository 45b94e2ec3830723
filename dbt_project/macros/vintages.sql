{# The rows of the newest snapshot of a feed that was taken by today: of all, or of each `part`.

Reads `relation`, with the time `taken_at` of its snapshots, and `build`. #}
{% macro newest_vintage(relation, taken_at, part=none) %}
select *
from (
    select
        {{ relation }}.*,
        dense_rank() over (
            {% if part %}partition by {{ relation }}.{{ part }}{% endif %}
            order by {{ relation }}.{{ taken_at }} desc, {{ relation }}.snapshot_id
        ) as place
    from {{ relation }}
    inner join build
        on cast({{ relation }}.{{ taken_at }} as date) <= build.today
) as placed
where place = 1
{% endmacro %}

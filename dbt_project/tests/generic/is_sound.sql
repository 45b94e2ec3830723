{# What must hold for a table, in one test, since each node of a run costs more than its query.

    key          columns that name a row: unique, and never null but for those in may_be_null
    not_null     further columns that are never null
    words        column: vocabulary of which it holds a word or nothing
    references   column: {to, field} in which it is found, or nothing; `besides` lists the words
                 that stand for no record, as undisclosed
    bounds       stems of columns <stem>_low, _base, _high that are in this order (S1)
    holds        sentence: condition that is true of each row, or null
    has_sources  false where a row may rest on no document (S13) #}
{% test is_sound(
    model, key, not_null=[], may_be_null=[], words={}, references={}, bounds=[], holds={},
    has_provenance=true, has_sources=true
) %}

with problem as (
    select
        'a key occurs twice' as problem,
        count(*) as row_count
    from (
        select {{ key | join(', ') }}
        from {{ model }}
        group by {{ key | join(', ') }}
        having count(*) > 1
    ) as repeated
    {% for column in key + not_null if column not in may_be_null %}
    union all
    select
        '{{ column }} is null',
        count(*)
    from {{ model }}
    where {{ column }} is null
    {% endfor %}
    {% if has_provenance %}
    union all
    select
        'no document is cited',
        count(*)
    from {{ model }}
    where source_ids is null{% if has_sources %} or {{ array_size('source_ids') }} = 0{% endif %}

    union all
    select
        'confidence is missing',
        count(*)
    from {{ model }}
    where confidence is null
    {% do words.update({'confidence': 'confidence'}) %}
    {% endif %}
    {% for column, vocabulary in words.items() %}
    union all
    select
        '{{ column }} is no word of {{ vocabulary }}',
        count(*)
    from {{ model }} as checked
    left join {{ ref('stg_ledger__vocabulary') }} as vocabulary
        on checked.{{ column }} = vocabulary.word and vocabulary.vocabulary = '{{ vocabulary }}'
    where checked.{{ column }} is not null and vocabulary.word is null
    {% endfor %}
    {% for column, parent in references.items() %}
    union all
    select
        '{{ column }} is not found in {{ parent.field }}',
        count(*)
    from {{ model }} as checked
    left join {{ parent.to }} as parent
        on checked.{{ column }} = parent.{{ parent.field }}
    where
        checked.{{ column }} is not null
        and parent.{{ parent.field }} is null
        {% for word in parent.get('besides', []) %}
        and checked.{{ column }} <> '{{ word }}'
        {% endfor %}
    {% endfor %}
    {% for stem in bounds %}
    union all
    select
        '{{ stem }} is not in the order low, base, high',
        count(*)
    from {{ model }}
    where {{ stem }}_low > {{ stem }}_base or {{ stem }}_base > {{ stem }}_high
    {% endfor %}
    {% for sentence, condition in holds.items() %}
    union all
    select
        'does not hold: {{ sentence }}',
        count(*)
    from {{ model }}
    where not ({{ condition }})
    {% endfor %}
)

select *
from problem
where row_count > 0

{% endtest %}

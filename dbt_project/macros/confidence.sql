{# Confidence as a number, so that the lowest can be taken (S13), and back. #}
{% macro confidence_rank(column) %}case {{ column }} when 'high' then 3 when 'medium' then 2 else 1 end{% endmacro %}

{% macro confidence_word(rank) %}case {{ rank }} when 3 then 'high' when 2 then 'medium' when 1 then 'low' end{% endmacro %}

{% macro lowest_confidence(column) %}{{ confidence_word('min(' ~ confidence_rank(column) ~ ')') }}{% endmacro %}

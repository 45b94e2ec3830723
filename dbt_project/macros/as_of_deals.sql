{# Which stretch of a history holds on a day: from `since`, up to but without `until`. #}
{% macro holds_on(day, since, until) -%}
{{ since }} <= {{ day }} and ({{ until }} is null or {{ until }} > {{ day }})
{%- endmacro %}

{# The columns of core.dim_deal as known on the day of the relation `days` (S2). #}
{% macro deals_on(days) %}
select
    state.deal_id,
    state.title,
    state.kind,
    state.layer,
    state.first_known_on,
    state.last_known_on,
    state.commitment,
    state.is_firm,
    state.is_announced,
    state.is_disputed,
    state.capacity_gw_low,
    state.capacity_gw_base,
    state.capacity_gw_high,
    state.is_open_ended,
    state.power_basis,
    state.online_gw_low,
    state.online_gw_base,
    state.online_gw_high,
    state.value_usd_low,
    state.value_usd_base,
    state.value_usd_high,
    state.is_cash,
    state.is_conditional,
    state.is_value_estimate,
    state.original_amount,
    state.original_currency,
    state.starts_on,
    state.ends_on,
    state.source_ids,
    state.confidence
from {{ published('fct_deal_state') }} as state
inner join {{ days }} as days
    on {{ holds_on('days.as_of_day', 'state.valid_from', 'state.valid_to') }}
{% endmacro %}

{# S4: the layer in which a deal announces compute. Grid supply and generation stand in the power
layer whatever the kind. #}
{% macro layer_of(kind, power_basis) %}
case
    when {{ power_basis }} = 'utility' then 'power'
    when {{ kind }} = 'power_supply' then 'power'
    when {{ kind }} in ('datacenter_lease', 'datacenter_development') then 'site'
    when {{ kind }} = 'compute_supply' then 'chips'
    when {{ kind }} = 'cloud_services' then 'cloud'
    when {{ kind }} in ('equity_investment', 'debt_financing', 'acquisition') then 'capital'
    when {{ kind }} in ('joint_venture', 'expansion_plan') then 'plan'
end
{% endmacro %}

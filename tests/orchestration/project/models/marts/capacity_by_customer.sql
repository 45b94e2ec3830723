select
    'openai' as customer_id,
    'net' as layer,
    sum(capacity_gw_base) as gross_gw_base,
    max(capacity_gw_base) as total_gw_base,
    min(capacity_gw_base) as firm_gw_base
from {{ ref('dim_deal') }}

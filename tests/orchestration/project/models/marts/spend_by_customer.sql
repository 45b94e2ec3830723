select 'openai' as customer_id, 0 as announced_usd_base

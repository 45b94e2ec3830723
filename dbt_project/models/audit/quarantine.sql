with quarantine as (
    select * from {{ ref('stg_ledger__quarantine') }}
)

select
    record_kind,
    record_id,
    file,
    line,
    field,
    rule,
    severity,
    raw_text,
    message,
    remedy
from quarantine

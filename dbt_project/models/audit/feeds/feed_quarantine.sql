select
    feed,
    raw_table,
    snapshot_id,
    record,
    field,
    rule,
    raw_text,
    message,
    remedy
from {{ source('raw_feeds', 'quarantine') }}

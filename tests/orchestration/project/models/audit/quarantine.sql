select * from {{ source('raw_ledger', 'quarantine') }}

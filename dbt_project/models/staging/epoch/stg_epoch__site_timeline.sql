with source as (
    select * from {{ source('raw_epoch', 'site_timeline') }}
)

select
    site_name,
    stands_on,
    status,
    cast(power_mw / 1000 as {{ gw_type() }}) as power_gw,
    h100_equivalents,
    buildings_operational,
    snapshot_id,
    cast(as_of as date) as as_of_day,
    confidence
from source

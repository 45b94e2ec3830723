with source as (
    select * from {{ source('raw_epoch', 'site') }}
)

select
    site_name,
    title,
    project,
    owner,
    users,
    cast(power_mw / 1000 as {{ gw_type() }}) as power_gw,
    snapshot_id,
    cast(as_of as date) as as_of_day,
    confidence
from source

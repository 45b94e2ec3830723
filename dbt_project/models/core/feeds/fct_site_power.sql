with timeline as (
    select * from {{ ref('stg_epoch__site_timeline') }}
),

site as (
    select * from {{ ref('stg_epoch__site') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

timeline_vintage as (
    {{ newest_vintage('timeline', 'as_of_day') }}
),

site_vintage as (
    {{ newest_vintage('site', 'as_of_day') }}
)

select
    timeline_vintage.site_name,
    site_vintage.title,
    site_vintage.owner,
    site_vintage.users,
    timeline_vintage.stands_on,
    timeline_vintage.as_of_day,
    timeline_vintage.stands_on > timeline_vintage.as_of_day as is_projection,
    timeline_vintage.power_gw,
    'facility' as power_basis,
    timeline_vintage.h100_equivalents,
    timeline_vintage.buildings_operational,
    timeline_vintage.status,
    {{ array_of(['timeline_vintage.snapshot_id']) }} as snapshot_ids,
    {{ no_source_ids() }} as source_ids,
    case when timeline_vintage.stands_on > timeline_vintage.as_of_day then 'low'
        else timeline_vintage.confidence
    end as confidence
from timeline_vintage
left join site_vintage
    on timeline_vintage.site_name = site_vintage.site_name

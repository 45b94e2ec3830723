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
    select
        timeline.*,
        dense_rank() over (order by timeline.as_of_day desc, timeline.snapshot_id) as place
    from timeline
    inner join build
        on timeline.as_of_day <= build.today
),

site_vintage as (
    select
        site.*,
        dense_rank() over (order by site.as_of_day desc, site.snapshot_id) as place
    from site
    inner join build
        on site.as_of_day <= build.today
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
    on timeline_vintage.site_name = site_vintage.site_name and site_vintage.place = 1
where timeline_vintage.place = 1

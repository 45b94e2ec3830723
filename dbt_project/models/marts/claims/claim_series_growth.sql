with series_growth as (
    select * from {{ ref('int_claims__series_growth') }}
)

select * from series_growth

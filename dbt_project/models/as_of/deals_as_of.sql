{{ config(arguments=['day']) }}

with asked as (
    select cast(day as date) as as_of_day
)

{{ deals_on('asked') }}

{{ config(arguments=['day']) }}
select * from {{ published('dim_deal') }}

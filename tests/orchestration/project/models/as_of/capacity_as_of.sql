{{ config(arguments=['day']) }}
select * from {{ published('capacity_by_customer') }}

{{ config(arguments=['day']) }}
select * from {{ published('spend_by_customer') }}

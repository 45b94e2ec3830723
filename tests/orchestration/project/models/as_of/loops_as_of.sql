{{ config(arguments=['day']) }}
select * from {{ published('capital_loops') }}

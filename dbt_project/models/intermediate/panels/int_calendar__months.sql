-- Months 2000 to 2099 by their index; a term that runs further is refused by the ledger.
with digit as (
    select * from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as digit_table (digit)
),

numbered as (
    select thousands.digit * 1000 + hundreds.digit * 100 + tens.digit * 10 + ones.digit as month_number
    from digit as thousands
    cross join digit as hundreds
    cross join digit as tens
    cross join digit as ones
)

select
    cast(2000 * 12 + month_number as integer) as month_index,
    {{ add_months("cast('2000-01-01' as date)", 'cast(month_number as integer)') }} as month,
    {{ add_days(add_months("cast('2000-01-01' as date)", 'cast(month_number + 1 as integer)'), -1) }} as month_end
from numbered
where month_number < 1200

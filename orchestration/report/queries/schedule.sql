-- What is scheduled to run by the end of each month to come, as known at each month end and today.
-- Of a very large ledger only as known today: the statement is made once a day and deal.
with day as (
    select max(today) as today
    from audit.release
    where release_id = (select max(release_id) from audit.check_result)
),

asked as (
    select month_end as as_of_day
    from marts.commitments_history
    where customer_id = 'all' and (select count(*) from core.dim_deal) <= 10000
    union
    select today as as_of_day
    from day
)

select scheduled.*
from schedule_as_of((select list(as_of_day order by as_of_day) from asked)) as scheduled
cross join day
where scheduled.month < make_date(year(day.today) + 5, 1, 1)
order by scheduled.as_of_day, scheduled.month

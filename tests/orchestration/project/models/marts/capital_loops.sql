select 'none' as loop_id

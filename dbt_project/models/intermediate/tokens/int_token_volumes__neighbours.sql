with observation as (
    select * from {{ ref('fct_token_volume') }}
),

build as (
    select today from {{ ref('stg_ledger__build') }}
),

known_observation as (
    select observation.*
    from observation
    inner join build
        on observation.known_on <= build.today
),

{{ token_neighbours('known_observation') }}

select * from token_neighbour

"""Numbers of the real ledger that its documents let one work out by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.warehouse.harness import ROOT, CompiledProject, Warehouse, read_ledger

TODAY = dt.date(2026, 11, 25)
BILLION = 10**9
DAY_AFTER_AMD = "2025-10-07"
DAY_AFTER_BROADCOM = "2025-10-14"


@pytest.fixture(scope="module")
def warehouse(project: CompiledProject) -> Warehouse:
    built = Warehouse(
        project,
        ["capacity_as_of", "spend_as_of", "loops_as_of", "fct_money_flow", "token_growth"],
    )
    built.load(read_ledger(ROOT / "sources" / "ledger"), today=TODAY)
    return built


def ask_one(warehouse: Warehouse, query: str) -> dict[str, Any]:
    (row,) = warehouse.rows(query)
    return row


# NVIDIA's letter of 22 September 2025 for at least 10, AMD's contract of 6 October for 6, and
# Broadcom's of 13 October for 10.
@pytest.mark.parametrize(
    ("day", "gigawatts"), [(DAY_AFTER_AMD, 16), (DAY_AFTER_BROADCOM, 26)], ids=["amd", "broadcom"]
)
def test_chips_of_openai_are_its_three_vendors(
    warehouse: Warehouse, day: str, gigawatts: int
) -> None:
    row = ask_one(
        warehouse,
        f"select * from capacity_as_of(date '{day}') "
        "where customer_id = 'openai' and layer = 'chips'",
    )
    assert row["total_gw_base"] == gigawatts
    assert row["firm_gw_base"] == 6
    assert row["is_binding"]


def test_net_of_openai_is_its_chips_while_chips_bind(warehouse: Warehouse) -> None:
    row = ask_one(
        warehouse,
        f"select * from capacity_as_of(date '{DAY_AFTER_AMD}') "
        "where customer_id = 'openai' and layer = 'net'",
    )
    assert row["total_gw_base"] == 16
    assert row["gross_gw_base"] > 16


# The article of 7 October 2025 gives 50 billion dollars a gigawatt, NVIDIA in August up to 60; the
# low estimate came in November.
def test_implied_spend_of_openai_is_the_articles_800_billion(warehouse: Warehouse) -> None:
    row = ask_one(
        warehouse, f"select * from spend_as_of(date '{DAY_AFTER_AMD}') where customer_id = 'openai'"
    )
    assert row["implied_usd_base"] == 800 * BILLION
    assert row["implied_usd_high"] == 960 * BILLION
    assert row["implied_usd_low"] is None
    earlier = ask_one(
        warehouse, "select * from spend_as_of(date '2025-10-06') where customer_id = 'openai'"
    )
    assert earlier["implied_usd_base"] is None


def test_oracles_contract_is_a_commitment_and_stargate_a_plan(warehouse: Warehouse) -> None:
    flows = warehouse.rows(
        "select deal_id, flow_kind, sum(usd_base) as usd_base, sum(usd_low) as usd_low "
        "from core.fct_money_flow "
        "where deal_id in ('openai-oracle-4-5gw', 'stargate-plan') group by all order by all"
    )
    assert [(flow["deal_id"], flow["flow_kind"], flow["usd_base"]) for flow in flows] == [
        ("openai-oracle-4-5gw", "spend", 300 * BILLION),
        ("stargate-plan", "plan", 500 * BILLION),
    ]
    assert [flow["usd_low"] for flow in flows] == [300 * BILLION, 0]


# Oracle's 300 billion and CoreWeave's 11.9 + 4 + 6.5 = 22.4: what OpenAI had signed with a sum.
def test_commitments_of_openai_leave_the_plan_beside_them(warehouse: Warehouse) -> None:
    query = f"select * from spend_as_of(date '{DAY_AFTER_AMD}') where customer_id = "
    row = ask_one(warehouse, query + "'openai'")
    assert row["announced_usd_base"] == 322_400_000_000
    system = ask_one(warehouse, query + "'all'")
    assert system["planned_usd_base"] == 500 * BILLION
    assert system["announced_usd_base"] < 500 * BILLION


def test_loop_of_nvidia_openai_and_oracle_closes_through_abilene(warehouse: Warehouse) -> None:
    loop = ask_one(
        warehouse,
        f"select * from loops_as_of(date '{DAY_AFTER_AMD}') "
        "where org_ids = ['nvidia', 'openai', 'oracle']",
    )
    assert loop["bottleneck_usd"] == 40 * BILLION
    assert loop["has_conditional_leg"]


def test_six_billion_tokens_a_minute_are_262_98_trillion_a_month(warehouse: Warehouse) -> None:
    row = ask_one(
        warehouse,
        "select * from core.fct_token_volume where observation_id = 'openai-api-2025-10'",
    )
    assert row["tokens_per_month_base"] == 262_980_000_000_000


def test_growth_is_told_within_a_series_only(warehouse: Warehouse) -> None:
    compared = warehouse.rows(
        """
        select growth.*, one.scope as from_scope, other.scope as to_scope
        from marts.token_growth as growth
        inner join core.fct_token_volume as one
            on growth.from_observation_id = one.observation_id
        inner join core.fct_token_volume as other
            on growth.to_observation_id = other.observation_id
        where (one.org_id, one.scope, one.measure) <> (other.org_id, other.scope, other.measure)
        """
    )
    assert compared == []
    series = {
        (row["org_id"], row["scope"])
        for row in warehouse.rows("select * from marts.token_growth")
        if row["org_id"] in ("google", "openai")
    }
    assert ("google", "all surfaces") in series
    assert len({org for org, _ in series}) == 2


# 480 trillion in April 2025, 980 in June: 61 days from middle to middle.
def test_google_doubled_in_59_days_in_spring_2025(warehouse: Warehouse) -> None:
    row = ask_one(
        warehouse,
        "select * from marts.token_growth where from_observation_id = 'google-all-surfaces-2025-04'",
    )
    assert row["to_observation_id"] == "google-all-surfaces-2025-06"
    assert row["yearly_growth_factor"] == pytest.approx(71.80, abs=0.005)
    assert row["doubling_days"] == pytest.approx(59.24, abs=0.005)

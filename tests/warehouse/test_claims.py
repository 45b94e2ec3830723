"""What is measured on the day of a claim rests on what was known then (S12)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.warehouse.harness import CompiledProject, Warehouse, truncate_ledger

CLAIM_DAY = dt.date(2026, 3, 1)
TODAY = dt.date(2026, 11, 25)
PROPERTY = "purchases_of_property_and_equipment"
OWN_MEASURE = "capex_including_finance_lease_principal"


def make_figure(
    figure_id: str,
    quarter: str,
    value: Any,
    known_on: str | None,
    *,
    metric: str = PROPERTY,
    kind: str = "capex_actual",
    qualifier: str = "exact",
) -> dict[str, Any]:
    return {
        "id": figure_id,
        "org": "meta",
        "kind": kind,
        "metric": metric,
        "period_end": f"{quarter[:4]}-{quarter[4:]}",
        "calendar_quarter": quarter,
        "known_on": known_on,
        "amount_usd": {"value": value, "qualifier": qualifier},
        "sources": [figure_id],
        "confidence": "high",
    }


def make_claim(measure: str, unit: str, value: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "the-claim",
        "title": "the claim",
        "said_by": "meta",
        "known_on": CLAIM_DAY,
        "measure": measure,
        "unit": unit,
        "claimed": {"value": value, "qualifier": "exact"},
        "sources": ["the-document"],
        "confidence": "high",
        **more,
    }


def make_ledger(**more: Any) -> dict[str, Any]:
    meta = {"id": "meta", "name": "Meta", "kind": "company", "country": "US"}
    return {"deals": [], "organizations": [meta], **more}


@pytest.fixture(scope="module")
def warehouse(project: CompiledProject) -> Warehouse:
    return Warehouse(project, ["claim_check", "fct_capex"])


YEAR = {"org": "meta", "span": {"from": "2025", "to": "2025"}}
QUARTERS = [
    make_figure("q1", "2025Q1", 10, "2025-04-30"),
    make_figure("q2", "2025Q2", 11, "2025-07-30"),
    make_figure("q3", "2025Q3", 12, "2025-10-30"),
    make_figure("q4", "2025Q4", 13, "2026-01-30"),
]
LATER_NEWS = {
    "a restatement": make_figure("q4-again", "2025Q4", 15, "2026-07-30"),
    "a backlog": make_figure("b", "2025Q4", 500, "2026-07-30", metric="rpo", kind="backlog"),
    "a figure without a date": make_figure("undated", "2025Q4", 15, None),
}


@pytest.mark.parametrize("news", LATER_NEWS)
def test_later_news_of_a_quarter_leaves_the_year_as_it_was_measured_then(
    warehouse: Warehouse, news: str
) -> None:
    claim = make_claim("capex_usd_year", "usd", 46, **YEAR)
    ledger = make_ledger(claims=[claim], capex=[*QUARTERS, LATER_NEWS[news]])
    warehouse.load(ledger, today=TODAY)
    (row,) = warehouse.rows("select * from marts.claim_check")
    assert row["measured_then"] == 46
    assert row["measured_value"] == (48 if news == "a restatement" else 46)
    warehouse.load(truncate_ledger(ledger, CLAIM_DAY), today=CLAIM_DAY)
    (row,) = warehouse.rows("select * from marts.claim_check")
    assert row["verdict"] == "supported"


def test_shared_measure_that_came_later_replaces_the_own_one_only_from_then_on(
    warehouse: Warehouse,
) -> None:
    own = make_figure("q4-own", "2025Q4", 20, "2026-01-30", metric=OWN_MEASURE)
    filed = make_figure("q4-filed", "2025Q4", 13, "2026-03-02")
    claim = make_claim("capex_usd_year", "usd", 53, **YEAR)
    ledger = make_ledger(claims=[claim], capex=[*QUARTERS[:3], own, filed])
    warehouse.load(ledger, today=TODAY)
    (row,) = warehouse.rows("select * from marts.claim_check")
    assert (row["measured_then"], row["measured_value"]) == (53, 46)


def test_a_year_with_a_quarter_unknown_on_the_day_has_no_figure(warehouse: Warehouse) -> None:
    late = make_figure("q4", "2025Q4", 13, "2026-03-02")
    claim = make_claim("capex_usd_year", "usd", 46, **YEAR)
    warehouse.load(make_ledger(claims=[claim], capex=[*QUARTERS[:3], late]), today=TODAY)
    (row,) = warehouse.rows("select * from marts.claim_check")
    assert (row["measured_then"], row["measured_value"]) == (None, 46)


def test_bounds_of_the_quarters_survive_their_sum(warehouse: Warehouse) -> None:
    about = make_figure("q4", "2025Q4", 20, "2026-01-30", qualifier="about")
    claim = make_claim("capex_usd_year", "usd", 53, **YEAR)
    warehouse.load(make_ledger(claims=[claim], capex=[*QUARTERS[:3], about]), today=TODAY)
    (row,) = warehouse.rows("select * from marts.claim_check")
    measured = [row[f"measured_value{bound}"] for bound in ("_low", "", "_high")]
    assert measured == [51, 53, 55]


def test_both_figures_of_a_quarter_say_when_they_became_known(warehouse: Warehouse) -> None:
    warehouse.load(make_ledger(capex=[*QUARTERS, *LATER_NEWS.values()]), today=TODAY)
    (row,) = warehouse.rows("select * from core.fct_capex where quarter_start = '2025-10-01'")
    assert (row["capex_usd"], row["rpo_usd"]) == (15, 500)
    assert row["capex_known_on"] == row["rpo_known_on"] == dt.date(2026, 7, 30)
    (row,) = warehouse.rows("select * from core.fct_capex where quarter_start = '2025-07-01'")
    assert (row["capex_known_on"], row["rpo_known_on"]) == (dt.date(2025, 10, 30), None)


def test_values_that_outsiders_estimate_are_no_prices(warehouse: Warehouse) -> None:
    def make_priced(deal_id: str, usd: int, **marks: Any) -> dict[str, Any]:
        return {
            "id": deal_id,
            "title": deal_id,
            "kind": "cloud_services",
            "parties": [{"org": "meta", "role": "customer"}],
            "events": [
                {
                    "known_on": "2026-01-01",
                    "kind": "signed",
                    "commitment": "definitive",
                    "capacity_gw": {"value": 1, "qualifier": "exact"},
                    "value_usd": {"value": usd, "qualifier": "exact", **marks},
                    "sources": [deal_id],
                }
            ],
            "confidence": "high",
        }

    stated = [make_priced(f"stated-{usd}", usd) for usd in (40, 50, 60)]
    guessed = [make_priced(f"guess-{usd}", usd, is_estimate=True) for usd in (90, 91)]
    claim = make_claim("usd_per_gw", "usd_per_gw", 50)
    ledger = make_ledger(claims=[claim])
    warehouse.load({**ledger, "deals": [*stated, *guessed]}, today=TODAY)
    (row,) = warehouse.rows("select * from marts.claim_check")
    assert (row["measured_value"], row["measured_then"]) == (50, 50)
    assert row["verdict"] == "supported"

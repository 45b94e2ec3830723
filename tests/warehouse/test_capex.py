"""Capital expenditure by filings beside commitments, as of a day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.warehouse.harness import ROOT, CompiledProject, Warehouse, read_ledger

# Microsoft's purchases of property and equipment in the quarters of fiscal 2026, by its filings of
# 29 October 2025, 28 January, 29 April and 29 July 2026; the last is that of the year less three.
# What is said to have been restated on 1 August is made up.
_FILED = """
    insert into raw_sec_facts.fact by name
    select
        '0000789019' as cik, 'PaymentsToAcquirePropertyPlantAndEquipment' as tag,
        'high' as confidence, 's' as snapshot_id, false as is_start_derived, *
    from (values
        (date '2025-07-01', date '2025-09-30', 19394e6, date '2025-10-29', 'a1'),
        (date '2025-10-01', date '2025-12-31', 29876e6, date '2026-01-28', 'a2'),
        (date '2026-01-01', date '2026-03-31', 30876e6, date '2026-04-29', 'a3'),
        (date '2025-07-01', date '2026-06-30', 115948e6, date '2026-07-29', 'a4'),
        (date '2025-07-01', date '2025-09-30', 20394e6, date '2026-08-01', 'a5')
    ) as filed (period_start, period_end, amount_usd, filed_on, accession)
    union all by name
    select
        '0000789019' as cik, 'RevenueRemainingPerformanceObligation' as tag,
        'high' as confidence, 's' as snapshot_id, date '2026-06-30' as period_end,
        400e9 as amount_usd, date '2026-07-29' as filed_on, 'a4' as accession
"""


@pytest.fixture(scope="module")
def warehouse(project: CompiledProject) -> Warehouse:
    models = ["capex_vs_commitments_as_of", "capex_vs_commitments", "spend_as_of"]
    built = Warehouse(project, models)
    built.load_raw(read_ledger(ROOT / "sources" / "ledger"), today=dt.date(2026, 11, 25))
    built.connection.execute(_FILED)
    built.build()
    return built


def _ask(warehouse: Warehouse, day: str) -> dict[str, Any]:
    (row,) = warehouse.rows(
        f"select * from capex_vs_commitments_as_of(date '{day}') where org_id = 'microsoft'"
    )
    return row


def test_a_year_is_the_last_four_quarters_that_were_filed(warehouse: Warehouse) -> None:
    row = _ask(warehouse, "2026-07-31")
    assert row["filed_capex_usd"] == 115_948_000_000
    assert (row["quarter_start"], row["quarter_end"]) == (dt.date(2025, 7, 1), dt.date(2026, 6, 30))
    assert row["filed_rpo_usd"] == 400_000_000_000
    assert row["years_of_capex"] == pytest.approx(float(row["committed_usd"]) / 115.948e9)


def test_a_quarter_short_of_a_year_is_no_year(warehouse: Warehouse) -> None:
    row = _ask(warehouse, "2026-07-28")
    assert row["filed_capex_usd"] is None
    assert row["filed_rpo_usd"] is None
    assert row["years_of_capex"] is None


def test_commitments_are_those_of_the_day(warehouse: Warehouse) -> None:
    for day in ("2026-01-28", "2026-07-31"):
        (spend,) = warehouse.rows(
            f"select * from spend_as_of(date '{day}') where customer_id = 'microsoft'"
        )
        assert _ask(warehouse, day)["committed_usd"] == spend["announced_usd_base"] > 0


def test_a_restatement_moves_the_answer_from_its_day_on(warehouse: Warehouse) -> None:
    restated = _ask(warehouse, "2026-08-01")["filed_capex_usd"]
    # The year that was filed stands, so the last quarter is a billion less.
    assert restated == 115_948_000_000
    rows = warehouse.rows(
        "select quarter_start, filed_capex_usd from marts.capex_vs_commitments"
        " where org_id = 'microsoft' and filed_capex_usd is not null order by quarter_start"
    )
    assert [int(row["filed_capex_usd"] / 10**6) for row in rows] == [20394, 29876, 30876, 34802]
    (earlier,) = warehouse.rows(
        "select amount_usd from core.fct_filed_quarter where org_id = 'microsoft'"
        " and quarter_start = date '2026-04-01' and known_on = date '2026-07-29'"
    )
    assert earlier["amount_usd"] == 35_802_000_000

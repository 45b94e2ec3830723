"""A warehouse of only the facts known by a day equals the full warehouse asked as of that day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.warehouse import strategies
from tests.warehouse.harness import (
    ROOT,
    CompiledProject,
    Warehouse,
    read_ledger,
    truncate_ledger,
)
from tests.warehouse.oracle import last_day_of

TODAY = dt.date(2026, 11, 25)
DAY_COUNT = 45
TABLE_OF_MACRO = {
    "deals_as_of": "core.dim_deal",
    "capacity_as_of": "marts.capacity_by_customer",
    "spend_as_of": "marts.spend_by_customer",
    "loops_as_of": "marts.capital_loops",
}
HISTORY = "marts.commitments_history"


def models_of(*relations: str) -> list[str]:
    """The models of relations that are written with their schema."""
    return [relation.split(".")[-1] for relation in relations]


def rows_of(warehouse: Warehouse, query: str) -> list[str]:
    """The rows in an order of their own, so that two answers can be compared."""
    return sorted(map(repr, warehouse.rows(query)))


def assert_equal(then: list[str], now: list[str]) -> None:
    """Fails with the rows that only one of the two answers has."""
    only_then = [row for row in then if row not in now]
    only_now = [row for row in now if row not in then]
    assert not only_then and not only_now, "\n".join(
        ["known then:", *only_then, "asked today:", *only_now]
    )


def spread_days(ledger: Any) -> list[dt.date]:
    """Days over the ledger's life: days of news, and days before and between."""
    news = sorted({last_day_of(e["known_on"]) for deal in ledger["deals"] for e in deal["events"]})
    chosen = [news[index * (len(news) - 1) // (DAY_COUNT - 1)] for index in range(DAY_COUNT)]
    return sorted({min(day + dt.timedelta(days=n % 3), TODAY) for n, day in enumerate(chosen)})


REAL_LEDGER = read_ledger(ROOT / "sources" / "ledger")
DAYS = spread_days(REAL_LEDGER)


@pytest.fixture(scope="module")
def full(project: CompiledProject) -> Warehouse:
    """The whole ledger as known today."""
    warehouse = Warehouse(project, [*TABLE_OF_MACRO, *models_of(HISTORY)])
    warehouse.load(REAL_LEDGER, today=TODAY)
    return warehouse


@pytest.fixture(scope="module")
def partial(project: CompiledProject) -> Iterator[Warehouse]:
    """A warehouse that is built anew for each day."""
    yield Warehouse(project, TABLE_OF_MACRO)


def test_days_are_enough_and_spread_over_the_years() -> None:
    assert len(DAYS) >= 40
    assert {day.year for day in DAYS} >= {2024, 2025, 2026}


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_later_news_changes_no_earlier_answer(
    full: Warehouse, partial: Warehouse, day: dt.date
) -> None:
    partial.load(truncate_ledger(REAL_LEDGER, day), today=day)
    for macro in TABLE_OF_MACRO:
        query = f"select * from {macro}(date '{day}')"
        assert_equal(rows_of(partial, query), rows_of(full, query))
    assert partial.rows(f"select * from deals_as_of(date '{day}')")


@pytest.mark.parametrize("day", DAYS[5::10], ids=str)
def test_history_is_never_rewritten(
    full: Warehouse, project: CompiledProject, day: dt.date
) -> None:
    then = Warehouse(project, models_of(HISTORY))
    then.load(truncate_ledger(REAL_LEDGER, day), today=day)
    assert_equal(
        rows_of(then, f"select * from {HISTORY}"),
        rows_of(full, f"select * from {HISTORY} where month_end <= date '{day}'"),
    )


DEMAND_COLUMNS = (
    "month, scenario, tokens_per_month_low, tokens_per_month, tokens_per_month_high,"
    " carried_share, required_gw, announced_gw, firm_gw, scheduled_gw, online_gw"
)


@pytest.fixture(scope="module")
def demand(project: CompiledProject) -> Warehouse:
    """Demand and supply by month, as the whole ledger has it today."""
    warehouse = Warehouse(project, ["demand_vs_supply"])
    warehouse.load(REAL_LEDGER, today=TODAY)
    return warehouse


@pytest.mark.parametrize("month_end", ["2025-07-31", "2026-02-28", "2026-09-30"])
def test_demand_of_past_months_is_what_was_known_at_their_end(
    demand: Warehouse, project: CompiledProject, month_end: str
) -> None:
    day = dt.date.fromisoformat(month_end)
    then = Warehouse(project, ["demand_vs_supply"])
    then.load(truncate_ledger(REAL_LEDGER, day), today=day)
    query = (
        f"select {DEMAND_COLUMNS} from marts.demand_vs_supply"
        f" where month <= date '{day}' and tokens_per_month is not null"
    )
    known = rows_of(then, query)
    assert known
    assert_equal(known, rows_of(demand, query))


@pytest.mark.parametrize("day", [DAYS[20], TODAY], ids=str)
def test_table_is_the_macro_asked_as_of_its_build(
    project: CompiledProject, full: Warehouse, day: dt.date
) -> None:
    built = Warehouse(project, models_of(*TABLE_OF_MACRO.values()))
    built.load(truncate_ledger(REAL_LEDGER, day), today=day)
    for macro, table in TABLE_OF_MACRO.items():
        assert_equal(
            rows_of(built, f"select * from {table}"),
            rows_of(full, f"select * from {macro}(date '{day}')"),
        )


@settings(max_examples=8)
@given(ledger=strategies.batches(), day=st.sampled_from(strategies.AS_OF_DAYS))
def test_later_news_changes_no_earlier_answer_of_random_ledgers(
    warehouse_of: Any, ledger: Any, day: dt.date
) -> None:
    whole = warehouse_of(*TABLE_OF_MACRO)
    whole.load(ledger, today=strategies.TODAY)
    answers = {
        macro: rows_of(whole, f"select * from {macro}(date '{day}')") for macro in TABLE_OF_MACRO
    }
    whole.load(truncate_ledger(ledger, day), today=day)
    for macro, answer in answers.items():
        assert_equal(rows_of(whole, f"select * from {macro}(date '{day}')"), answer)


def test_one_thread_and_two_give_the_same_tables(project: CompiledProject) -> None:
    hashes = []
    for threads in (1, 2):
        warehouse = Warehouse(project, project.names(), threads=threads)
        warehouse.load(REAL_LEDGER, today=TODAY)
        tables = warehouse.rows(
            "select table_schema || '.' || table_name as name from information_schema.tables "
            "where table_catalog = 'gigaledger' and table_schema in ('core', 'marts', 'audit')"
        )
        hashes.append({row["name"]: warehouse.hash_of(row["name"]) for row in tables})
    assert hashes[0] == hashes[1]

"""What the tests put into the raw tables is what the ledger's own loader puts there."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest

from sources.ledger.load import load_ledger
from tests.warehouse.harness import (
    DATABASE,
    RAW_TABLES,
    ROOT,
    CompiledProject,
    Warehouse,
    read_ledger,
)

LEDGER = ROOT / "sources" / "ledger"
TODAY = dt.date(2026, 11, 25)
FILLED_BY_THE_LOADER_ALONE = {"quarantine", "input_count"}


@pytest.fixture(scope="module")
def loaded() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    load_ledger(connection, LEDGER, today=TODAY)
    return connection


@pytest.fixture(scope="module")
def inserted(project: CompiledProject) -> duckdb.DuckDBPyConnection:
    warehouse = Warehouse(project, [])
    warehouse.load_raw(read_ledger(LEDGER), today=TODAY)
    return warehouse.connection


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    rows = connection.execute(f"describe raw_ledger.{table}").fetchall()
    return {name: kind for name, kind, *_ in rows}


@pytest.mark.parametrize("table", RAW_TABLES)
def test_loader_keeps_the_contract_of_the_raw_tables(
    loaded: duckdb.DuckDBPyConnection, inserted: duckdb.DuckDBPyConnection, table: str
) -> None:
    wanted = columns_of(inserted, table)
    found = columns_of(loaded, table)
    assert {name: found.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("table", sorted(RAW_TABLES.keys() - FILLED_BY_THE_LOADER_ALONE))
def test_real_ledger_arrives_alike(
    loaded: duckdb.DuckDBPyConnection, inserted: duckdb.DuckDBPyConnection, table: str
) -> None:
    columns = ", ".join(name for name in RAW_TABLES[table] if name not in ("file", "line"))
    query = f"select {columns} from {{}}raw_ledger.{table} order by all"
    wanted = loaded.execute(query.format("")).fetchall()
    found = inserted.execute(query.format(f"{DATABASE}.")).fetchall()
    assert found == wanted

"""Compares the as-of macros of a staged release, asked about today, with its current tables.

The two are computed at different times from the same rule (docs/decisions/0001); this is the last
check before publication and it runs on the very file that is published.
"""

from __future__ import annotations

import json
from datetime import date

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.audit.expectations import fetch_sample
from orchestration.audit.results import CheckKind, CheckResult, Severity
from sources.sql import quote_name

# Table macro and the current table that it equals when asked about today.
CURRENT_TABLES = {
    "capacity_as_of": "marts.capacity_by_customer",
    "deals_as_of": "core.dim_deal",
    "loops_as_of": "marts.capital_loops",
    "spend_as_of": "marts.spend_by_customer",
}


def name_check(macro: str) -> str:
    """Return the name of the check of a macro."""
    return f"equals {macro}(today)"


def check_as_of(connection: DuckDBPyConnection, today: date) -> list[CheckResult]:
    """Compare each macro of the current database with its table, row for row, both ways."""
    return [_compare(connection, macro, table, today) for macro, table in CURRENT_TABLES.items()]


def _compare(connection: DuckDBPyConnection, macro: str, table: str, today: date) -> CheckResult:
    call = f"{macro}(date '{today.isoformat()}')"
    # Asked once and kept, for it is compared both ways.
    asked = f"temp.main.asked_{macro}"
    try:
        connection.execute(f"create or replace temp table asked_{macro} as from {call}")
        asked_columns = _list_columns(connection, asked)
        columns = _list_columns(connection, table)
        if set(asked_columns) != set(columns):
            odd = ", ".join(sorted(set(asked_columns) ^ set(columns)))
            return _tell(macro, table, message=f"only one of the two has the columns {odd}")
        names = ", ".join(map(quote_name, columns))
        one_sided = f"""
            select 'only in {macro}' as side, * from (
                select {names} from {asked} except all select {names} from {table}
            )
            union all
            select 'only in {table}' as side, * from (
                select {names} from {table} except all select {names} from {asked}
            )
        """
        failed = _count(connection, f"({one_sided})")
        return _tell(
            macro,
            table,
            examined=_count(connection, table),
            failed=failed,
            sample=fetch_sample(connection, one_sided) if failed else [],
            message=f"{call} differs from it" if failed else None,
        )
    except duckdb.Error as error:
        return _tell(macro, table, message=f"it did not run: {error}", is_executed=False)


def _tell(
    macro: str,
    table: str,
    *,
    message: str | None,
    examined: int | None = None,
    failed: int | None = None,
    sample: list[dict[str, object]] | None = None,
    is_executed: bool = True,
) -> CheckResult:
    return CheckResult(
        table_name=table,
        check_name=name_check(macro),
        check_kind=CheckKind.IDENTITY,
        severity=Severity.STOP,
        is_executed=is_executed,
        is_passed=message is None,
        examined_rows=examined,
        failed_rows=failed,
        failing_sample=json.dumps(sample, default=str, ensure_ascii=False) if sample else None,
        message=message,
        why="Whoever asks as of today must read what the current table says.",
    )


def _list_columns(connection: DuckDBPyConnection, table: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(f"describe {table}").fetchall()]


def _count(connection: DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    assert row is not None
    return int(row[0])

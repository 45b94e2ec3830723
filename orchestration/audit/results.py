"""What a check found, and the table in the work database that keeps it until the release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from enum import StrEnum

from duckdb import DuckDBPyConnection

# Rows shown of those that failed a check; enough to see the pattern, few enough to read.
SAMPLE_SIZE = 20


_ROWS_A_STATEMENT = 200


class CheckKind(StrEnum):
    """Where a check is declared."""

    EXPECTATION = "expectation"
    DBT_TEST = "dbt_test"
    IDENTITY = "identity"


class Severity(StrEnum):
    """What a failed check does."""

    STOP = "stop"
    WARN = "warn"


@dataclass(frozen=True)
class CheckResult:
    """One declared check of one table."""

    table_name: str
    """Schema and name of the table."""
    check_name: str
    """Unique within its table and kind."""
    check_kind: CheckKind
    severity: Severity
    is_executed: bool
    """A check that did not run blocks the release, whatever its severity."""
    is_passed: bool
    examined_rows: int | None
    """Rows of the tables that it reads; null when it did not run."""
    failed_rows: int | None
    failing_sample: str | None
    """Keys and values of some rows that failed, as a JSON list."""
    message: str | None
    """What was found; null when the check passed and there is nothing to tell."""
    why: str
    """The reason in the world for the check."""

    @property
    def is_blocking(self) -> bool:
        """Whether this result stops the release."""
        return not self.is_passed and (self.severity is Severity.STOP or not self.is_executed)


class AuditError(Exception):
    """A build must not be published; the message holds every reason."""

    def __init__(self, message: str, results: Sequence[CheckResult] = ()) -> None:
        """Keep the results that stop the release, if it was they."""
        super().__init__(message)
        self.results = results


CHECK_RESULT_COLUMNS = """
    table_name varchar, check_name varchar, check_kind varchar, severity varchar,
    is_executed boolean, is_passed boolean, examined_rows bigint, failed_rows bigint,
    failing_sample varchar, message varchar, why varchar
"""
_NAMES = ", ".join(field.name for field in fields(CheckResult))


def write_results(connection: DuckDBPyConnection, results: Sequence[CheckResult]) -> None:
    """Keep results in the work database, in place of those of an earlier audit."""
    connection.execute("create schema if not exists audit")
    connection.execute(f"create or replace table audit.check_result ({CHECK_RESULT_COLUMNS})")
    append_results(connection, results)


def append_results(connection: DuckDBPyConnection, results: Sequence[CheckResult]) -> None:
    """Add results to those that the work database holds."""
    insert_rows(connection, "audit.check_result", [astuple(result) for result in results])


def insert_rows(
    connection: DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]
) -> None:
    """Insert rows in statements of many rows each; `executemany` makes one of every row."""
    for begin in range(0, len(rows), _ROWS_A_STATEMENT):
        chunk = rows[begin : begin + _ROWS_A_STATEMENT]
        marks = f"({', '.join('?' for _ in chunk[0])})"
        values = [value for row in chunk for value in row]
        connection.execute(f"insert into {table} values {', '.join([marks] * len(chunk))}", values)


def forget_results(connection: DuckDBPyConnection) -> None:
    """Drop the results of an earlier audit: what is built anew is not yet checked."""
    connection.execute("drop table if exists audit.check_result")


def read_results(connection: DuckDBPyConnection) -> list[CheckResult] | None:
    """Return the results that the database holds; None when nothing was audited."""
    audited = connection.execute(
        "select 1 from duckdb_tables() where database_name = current_database()"
        " and schema_name = 'audit' and table_name = 'check_result'"
    ).fetchone()
    if not audited:
        return None
    rows = connection.execute(
        f"select {_NAMES} from audit.check_result order by table_name, check_kind, check_name"
    ).fetchall()
    return [
        CheckResult(*row[:2], CheckKind(row[2]), Severity(row[3]), *row[4:])  # type: ignore[arg-type]
        for row in rows
    ]


def require_passed(results: Iterable[CheckResult]) -> None:
    """Raise when a result stops the release.

    Raises:
        AuditError: with every reason.
    """
    blocking = [result for result in results if result.is_blocking]
    if blocking:
        noun = "check" if len(blocking) == 1 else "checks"
        reasons = "\n".join(f"  {describe(result)}" for result in blocking)
        raise AuditError(f"{len(blocking)} {noun} failed:\n{reasons}", blocking)


def describe(result: CheckResult) -> str:
    """Return one line on a result that a person can act on."""
    text = f"{result.table_name}: {result.check_name}: {result.message or 'passed'}"
    if result.failed_rows and result.examined_rows:
        text += f" ({result.failed_rows} of {result.examined_rows} rows)"
    if result.failing_sample:
        text += f" {_cut(result.failing_sample)}"
    return f"{text} - {result.why}" if result.why else text


def _cut(text: str, longest: int = 300) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."

"""Runs expectation suites inside DuckDB, through Great Expectations' SQL engine.

Importing Great Expectations takes seconds, so it is imported when it is first needed;
`import_early` does so in a thread while something else works.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.audit.results import SAMPLE_SIZE, CheckKind, CheckResult
from orchestration.audit.suites import Expectation, Suite, SuiteError
from orchestration.imports import put_off

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation as GreatExpectation

_POSITION = "position"
_IMPORTING = threading.Lock()
_ROWS_OF_A_QUERY = "unexpected_rows_expectation"


def import_early() -> None:
    """Begin to import Great Expectations in the background."""
    # Dagster asks SQLAlchemy meanwhile, and fails when it meets the half of this module.
    importlib.import_module("sqlalchemy.orm")
    threading.Thread(target=_import, name="great-expectations", daemon=True).start()


def _import() -> None:
    # What fails to be imported here fails again, and is told, where it is needed.
    with contextlib.suppress(ImportError), _IMPORTING:
        # It draws and it fits distributions, for expectations that SQL cannot answer.
        for unused in ("altair", "scipy.stats"):
            put_off(unused)
        for needed in ("great_expectations.expectations", "orchestration.audit.dialect"):
            importlib.import_module(needed)


@dataclass(frozen=True)
class _Batch:
    """Some rows of a table, and the expectations about them."""

    suite: Suite
    query: str
    expectations: Mapping[int, Expectation]
    """By their position in the suite."""


def run_suites(
    connection: DuckDBPyConnection,
    suites: Sequence[Suite],
    excuses: Mapping[str, str] | None = None,
) -> list[CheckResult]:
    """Run every expectation on the database of a connection; one result for each that is declared.

    Args:
        connection: its current database holds the tables.
        suites: what is expected of them.
        excuses: tables that may be empty this time, and why.

    Raises:
        SuiteError: when an expectation is of no known type or has arguments that it cannot take.
    """
    _import()
    import great_expectations as gx

    from orchestration.audit import dialect

    batches = [batch for suite in suites for batch in _split(suite)]
    built = [
        [build_expectation(batch.suite, *item) for item in batch.expectations.items()]
        for batch in batches
    ]
    found: dict[tuple[str, int], CheckResult] = {}
    with dialect.serve(connection) as address, _quiet():
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        source = context.data_sources.add_sql(
            name="work",
            connection_string=address,
            create_temp_table=False,
            # All at once: each that is added later has the whole configuration written anew.
            assets=[_describe_asset(number, batch) for number, batch in enumerate(batches)],
        )
        for number, (batch, expectations) in enumerate(zip(batches, built, strict=True)):
            excuse = (excuses or {}).get(batch.suite.table)
            results = _run_batch(connection, gx, source, str(number), batch, expectations, excuse)
            for position, result in zip(batch.expectations, results, strict=True):
                found[batch.suite.table, position] = result
    return [
        found[suite.table, position]
        for suite in suites
        for position in range(len(suite.expectations))
    ]


def _split(suite: Suite) -> Iterator[_Batch]:
    """Yield a batch for each set of rows that a suite is about."""
    for condition in dict.fromkeys(item.row_condition for item in suite.expectations):
        query = f"select * from {suite.table}" + (f" where {condition}" if condition else "")
        chosen = {
            position: item
            for position, item in enumerate(suite.expectations)
            if item.row_condition == condition
        }
        yield _Batch(suite, query, chosen)


def _describe_asset(number: int, batch: _Batch) -> dict[str, object]:
    # A table asset would lose its schema on DuckDB, hence a query.
    return {
        "type": "query",
        "name": str(number),
        "query": batch.query,
        "batch_definitions": [{"name": "all", "partitioner": None}],
    }


def _run_batch(
    connection: DuckDBPyConnection,
    gx: Any,
    source: Any,
    name: str,
    batch: _Batch,
    expectations: Sequence[GreatExpectation],
    excuse: str | None,
) -> list[CheckResult]:
    declared = batch.expectations.values()
    try:
        rows = _count(connection, batch.query)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        return [_not_run(batch.suite, item, reason) for item in declared]
    outcome = (
        source.get_asset(name)
        .get_batch_definition("all")
        .get_batch()
        .validate(
            gx.ExpectationSuite(name=name, expectations=list(expectations)),
            result_format={
                "result_format": "SUMMARY",
                "unexpected_index_column_names": list(batch.suite.key),
                "partial_unexpected_count": SAMPLE_SIZE,
            },
        )
    )
    # It returns them in another order, and without those that it dropped.
    found = {result.expectation_config.meta[_POSITION]: result for result in outcome.results}
    return [
        _read_result(connection, batch.suite, item, found[position], rows, excuse)
        if position in found
        else _not_run(batch.suite, item, "Great Expectations dropped it")
        for position, item in batch.expectations.items()
    ]


def build_expectation(suite: Suite, position: int, declared: Expectation) -> GreatExpectation:
    """Return an expectation as Great Expectations takes it.

    Raises:
        SuiteError: when it is of no known type or has arguments that it cannot take.
    """
    from great_expectations.compatibility.pydantic import ValidationError
    from great_expectations.expectations import registry

    known = registry.list_registered_expectation_implementations()
    if declared.type not in known:
        close = difflib.get_close_matches(declared.type, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "see the Great Expectations gallery"
        raise SuiteError(f"{suite.file}: {declared.type} is no known expectation; {hint}")
    kind = registry.get_expectation_impl(declared.type)
    try:
        return kind(**declared.arguments, meta={_POSITION: position})
    except (ValidationError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise SuiteError(f"{suite.file}: {declared.name}: {reason}") from error


def _read_result(
    connection: DuckDBPyConnection,
    suite: Suite,
    declared: Expectation,
    found: ExpectationValidationResult,
    rows: int,
    excuse: str | None,
) -> CheckResult:
    failure = _find_exception(found.exception_info)
    if failure is not None:
        return _not_run(suite, declared, failure)
    result: Mapping[str, Any] = found.result
    examined = int(result.get("element_count", rows))
    is_vacuous = examined == 0 and not declared.may_be_empty and excuse is None
    # Great Expectations calls the sum or the maximum of no rows a failure.
    has_nothing_to_say = examined == 0 and result.get("observed_value", 0) is None
    is_passed = (bool(found.success) or has_nothing_to_say) and not is_vacuous
    sample = None if is_passed else _sample(connection, suite, declared, result)
    return CheckResult(
        table_name=suite.table,
        check_name=declared.name,
        check_kind=CheckKind.EXPECTATION,
        severity=declared.severity,
        is_executed=True,
        is_passed=is_passed,
        examined_rows=examined,
        failed_rows=_count_failed(result, found),
        failing_sample=json.dumps(sample, default=str, ensure_ascii=False) if sample else None,
        message=_tell(declared, result, is_vacuous) if not is_passed else _excuse(examined, excuse),
        why=declared.why,
    )


def _excuse(examined: int, excuse: str | None) -> str | None:
    if examined:
        return None
    return excuse or "there was no row to examine, as its file allows"


def _count_failed(result: Mapping[str, Any], found: ExpectationValidationResult) -> int | None:
    if "unexpected_count" in result:
        return int(result["unexpected_count"] or 0)
    if found.expectation_config and found.expectation_config.type == _ROWS_OF_A_QUERY:
        return int(result["observed_value"])
    return 0 if found.success else None


def _tell(declared: Expectation, result: Mapping[str, Any], is_vacuous: bool) -> str:
    if is_vacuous:
        return "it examined no row; say may_be_empty: true if that is right"
    if declared.type == _ROWS_OF_A_QUERY:
        return "rows break it"
    wanted = ", ".join(
        f"{name} {value}" for name, value in declared.arguments.items() if "column" not in name
    )
    if "unexpected_count" in result:
        return f"rows break it ({wanted})" if wanted else "rows break it"
    return f"found {result.get('observed_value')} ({wanted})"


def _sample(
    connection: DuckDBPyConnection,
    suite: Suite,
    declared: Expectation,
    result: Mapping[str, Any],
) -> list[Any]:
    if declared.type == _ROWS_OF_A_QUERY:
        batch = f"(select * from {suite.table}"
        batch += f" where {declared.row_condition})" if declared.row_condition else ")"
        query = str(declared.arguments["unexpected_rows_query"]).replace("{batch}", batch)
        return fetch_sample(connection, query)
    rows = result.get("partial_unexpected_index_list") or result.get("partial_unexpected_list")
    return list(rows or [])[:SAMPLE_SIZE]


def fetch_sample(connection: DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """Return some rows of a query, each with the names of its columns."""
    cursor = connection.execute(f"select * from ({query.strip().rstrip(';')}) limit {SAMPLE_SIZE}")
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _find_exception(info: Any) -> str | None:
    """Return why an expectation could not run; Great Expectations tells it in two forms."""
    if not isinstance(info, Mapping):
        return None
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if isinstance(entry, Mapping) and entry.get("raised_exception"):
            return str(entry.get("exception_message") or "it raised").splitlines()[0]
    return None


def _not_run(suite: Suite, declared: Expectation, reason: str) -> CheckResult:
    return CheckResult(
        table_name=suite.table,
        check_name=declared.name,
        check_kind=CheckKind.EXPECTATION,
        severity=declared.severity,
        is_executed=False,
        is_passed=False,
        examined_rows=None,
        failed_rows=None,
        failing_sample=None,
        message=f"it did not run: {reason}",
        why=declared.why,
    )


def _count(connection: DuckDBPyConnection, query: str) -> int:
    row = connection.execute(f"select count(*) from ({query})").fetchone()
    assert row is not None
    return int(row[0])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep its notices out of the terminal: what it found is in the results."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)

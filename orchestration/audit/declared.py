"""Holds what was executed against what is declared, from the declarations themselves.

Whoever runs the checks also counts them; this counts again, from the files, dbt's manifest and the
tables, so that a check that went missing on the way, or looked at nothing, stops the release
instead of looking like one that passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from orchestration.audit.as_of import CURRENT_TABLES, name_check
from orchestration.audit.dbt_tests import find_table, list_tests
from orchestration.audit.results import AuditError, CheckKind, CheckResult
from orchestration.audit.suites import Suite


class Declared(NamedTuple):
    """One declared check, and what it must have looked at."""

    table_name: str
    check_kind: str
    check_name: str
    may_be_empty: bool = False
    """Whether there may be nothing to examine."""
    is_about_some_rows: bool = False
    """Whether it picks its rows; any other check examines all that the table has."""


class _Key(NamedTuple):
    table_name: str
    check_kind: str
    check_name: str


def list_declared(
    suites: Iterable[Suite], manifest: Mapping[str, Any], excused: Iterable[str] = ()
) -> frozenset[Declared]:
    """Return every check that a release must have passed through; `excused` tables may be empty."""
    suites = list(suites)
    excused = set(excused)
    may_be_empty = {suite.table for suite in suites if suite.may_be_empty}
    expectations = {
        Declared(
            suite.table,
            CheckKind.EXPECTATION.value,
            item.name,
            may_be_empty=item.may_be_empty or suite.table in excused,
            is_about_some_rows=item.row_condition is not None,
        )
        for suite in suites
        for item in suite.expectations
    }
    tests = {
        Declared(
            table,
            CheckKind.DBT_TEST.value,
            node["name"],
            may_be_empty=table in may_be_empty or _is_model_allowed_empty(manifest, node),
        )
        for node in list_tests(manifest)
        for table in [find_table(manifest, node)]
    }
    # Two empty relations are equal, and no row is left out.
    identities = {
        Declared(table, CheckKind.IDENTITY.value, name_check(macro), may_be_empty=True)
        for macro, table in CURRENT_TABLES.items()
    }
    return frozenset(expectations | tests | identities)


def _is_model_allowed_empty(manifest: Mapping[str, Any], test: Mapping[str, Any]) -> bool:
    """Return what the model says on which a test is declared, for tables without expectations."""
    model = manifest["nodes"].get(test.get("attached_node") or "", {})
    return bool(model.get("config", {}).get("meta", {}).get("may_be_empty"))


def require_complete(
    declared: frozenset[Declared], results: Sequence[CheckResult], rows: Mapping[str, int]
) -> None:
    """Raise unless each declared check ran on all it is about, and each result is declared.

    Args:
        declared: what must have run.
        results: what ran.
        rows: how many rows each table has that a declared check is about.

    Raises:
        AuditError: with the names of those that did not.
    """
    found = {
        _Key(result.table_name, result.check_kind.value, result.check_name): result
        for result in results
    }
    wanted = {_Key(*check[:3]): check for check in declared}
    reasons = [
        (key, reason)
        for key, check in wanted.items()
        if (reason := _find_fault(check, found.get(key), rows.get(check.table_name)))
    ]
    reasons += [(key, "it ran, but nothing declares it") for key in found if key not in wanted]
    if reasons:
        lines = "\n".join(
            f"  {key.table_name}: {key.check_name}: {reason}" for key, reason in sorted(reasons)
        )
        raise AuditError(f"what ran is not what is declared; refresh anew:\n{lines}")


def _find_fault(check: Declared, result: CheckResult | None, rows: int | None) -> str | None:
    """Return why the result of a check is no proof that it ran."""
    if result is None:
        return "declared, but it did not run"
    if not result.is_executed:
        return result.message or "it did not run"
    if result.examined_rows is None:
        return "it does not say how many rows it examined"
    if rows is None:
        return f"there is no table {check.table_name}"
    if not check.is_about_some_rows and result.examined_rows < rows:
        return f"it examined {result.examined_rows} of {rows} rows"
    if result.examined_rows == 0 and not check.may_be_empty:
        return "it examined no row; say may_be_empty: true if that is right"
    return None

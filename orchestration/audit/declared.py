"""Holds what was executed against what is declared, from the declarations themselves.

Whoever runs the checks also counts them; this counts again, from the files and dbt's manifest, so
that a check that went missing on the way stops the release instead of looking like one that passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from orchestration.audit.as_of import CURRENT_TABLES, name_check
from orchestration.audit.dbt_tests import find_table
from orchestration.audit.results import AuditError, CheckKind, CheckResult
from orchestration.audit.suites import Suite


class Declared(NamedTuple):
    """What tells one declared check from all others."""

    table_name: str
    check_kind: str
    check_name: str


def list_declared(suites: Iterable[Suite], manifest: Mapping[str, Any]) -> frozenset[Declared]:
    """Return every check that a release must have passed through."""
    expectations = {
        Declared(suite.table, CheckKind.EXPECTATION.value, item.name)
        for suite in suites
        for item in suite.expectations
    }
    tests = {
        Declared(find_table(manifest, node), CheckKind.DBT_TEST.value, node["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
    }
    identities = {
        Declared(table, CheckKind.IDENTITY.value, name_check(macro))
        for macro, table in CURRENT_TABLES.items()
    }
    return frozenset(expectations | tests | identities)


def require_complete(declared: frozenset[Declared], results: Sequence[CheckResult]) -> None:
    """Raise unless each declared check has a result, and each result a declaration.

    Raises:
        AuditError: with the names of those that have not.
    """
    found = {
        Declared(result.table_name, result.check_kind.value, result.check_name)
        for result in results
    }
    reasons = [f"  {_name(check)}: declared, but it did not run" for check in declared - found]
    reasons += [f"  {_name(check)}: it ran, but nothing declares it" for check in found - declared]
    if reasons:
        lines = "\n".join(sorted(reasons))
        raise AuditError(f"what ran is not what is declared; refresh anew:\n{lines}")


def _name(check: Declared) -> str:
    return f"{check.table_name}: {check.check_name}"

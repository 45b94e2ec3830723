"""Turns the results of dbt's data tests into check results, one for each that is declared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.audit.expectations import fetch_sample
from orchestration.audit.results import CheckKind, CheckResult, Severity


def read_dbt_tests(
    connection: DuckDBPyConnection,
    manifest: Mapping[str, Any],
    run_results: Iterable[Mapping[str, Any]],
) -> list[CheckResult]:
    """Return one result for each data test of the manifest, whether it ran or not."""
    found = {result["unique_id"]: result for result in run_results}
    return [
        _read_result(connection, manifest, node, found.get(unique_id))
        for unique_id, node in sorted(manifest["nodes"].items())
        if node["resource_type"] == "test"
    ]


def _read_result(
    connection: DuckDBPyConnection,
    manifest: Mapping[str, Any],
    node: Mapping[str, Any],
    result: Mapping[str, Any] | None,
) -> CheckResult:
    severity = Severity.WARN if node["config"]["severity"].lower() == "warn" else Severity.STOP
    status = result["status"] if result else "not run"
    is_executed = status in ("pass", "fail", "warn")
    is_passed = status == "pass"
    failed_rows = int(result["failures"] or 0) if result and is_executed else None
    message = None
    if not is_executed:
        message = f"it did not run: {(result or {}).get('message') or status}"
    elif not is_passed:
        message = "rows break it"
    return CheckResult(
        table_name=find_table(manifest, node),
        check_name=node["name"],
        check_kind=CheckKind.DBT_TEST,
        severity=severity,
        is_executed=is_executed,
        is_passed=is_passed,
        examined_rows=None,
        failed_rows=failed_rows,
        failing_sample=_sample(connection, result)
        if result and is_executed and failed_rows
        else None,
        message=message,
        why=" ".join((node.get("description") or "").split()),
    )


def find_table(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Return the table that a test is about: the one it is declared on, else the first it reads."""
    candidates = [node.get("attached_node"), *node["depends_on"]["nodes"]]
    for unique_id in candidates:
        model = manifest["nodes"].get(unique_id) or manifest["sources"].get(unique_id)
        if model:
            return f"{model['schema']}.{model.get('alias') or model['name']}"
    return ""


def _sample(connection: DuckDBPyConnection, result: Mapping[str, Any]) -> str | None:
    try:
        rows = fetch_sample(connection, result["compiled_code"])
    except duckdb.Error:
        return None
    return json.dumps(rows, default=str, ensure_ascii=False) if rows else None

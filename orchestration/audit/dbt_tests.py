"""Turns the results of dbt's data tests into check results, one for each that is declared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.audit.expectations import fetch_sample
from orchestration.audit.results import CheckKind, CheckResult, Severity
from sources.sql import quote_text


def read_dbt_tests(
    connection: DuckDBPyConnection,
    manifest: Mapping[str, Any],
    run_results: Iterable[Mapping[str, Any]],
) -> list[CheckResult]:
    """Return one result for each data test of the manifest, whether it ran or not."""
    found = {result["unique_id"]: result for result in run_results}
    tests = list_tests(manifest)
    rows = count_rows(connection, {table for node in tests for table in _list_read(manifest, node)})
    return [
        _read_result(connection, manifest, node, found.get(node["unique_id"]), rows)
        for node in tests
    ]


def list_tests(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return every data test of the project, those that someone disabled among them."""
    disabled = [node for nodes in manifest.get("disabled", {}).values() for node in nodes]
    nodes = [*manifest["nodes"].values(), *disabled]
    tests = [node for node in nodes if node["resource_type"] == "test"]
    return sorted(tests, key=lambda node: str(node["unique_id"]))


def _read_result(
    connection: DuckDBPyConnection,
    manifest: Mapping[str, Any],
    node: Mapping[str, Any],
    result: Mapping[str, Any] | None,
    rows: Mapping[str, int],
) -> CheckResult:
    severity = Severity.WARN if node["config"]["severity"].lower() == "warn" else Severity.STOP
    status = result["status"] if result else _say_why_not(node)
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
        examined_rows=sum(rows.get(table, 0) for table in _list_read(manifest, node))
        if is_executed
        else None,
        failed_rows=failed_rows,
        failing_sample=_sample(connection, result)
        if result and is_executed and failed_rows
        else None,
        message=message,
        why=" ".join((node.get("description") or "").split()),
    )


def find_table(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Return the table that a test is about: the one it is declared on, else the first it reads."""
    tables = _list_read(manifest, node)
    return tables[0] if tables else ""


def _list_read(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> list[str]:
    """Return the table that a test is declared on, or all that a test of its own file reads."""
    attached = node.get("attached_node")
    tables = []
    for unique_id in [attached] if attached else node["depends_on"]["nodes"]:
        model = manifest["nodes"].get(unique_id) or manifest["sources"].get(unique_id)
        if model:
            tables.append(f"{model['schema']}.{model.get('alias') or model['name']}")
    return tables


def _say_why_not(node: Mapping[str, Any]) -> str:
    return "no result" if node["config"].get("enabled", True) else "it is disabled"


def count_rows(connection: DuckDBPyConnection, tables: Iterable[str]) -> dict[str, int]:
    """Return how many rows each of some tables of the current database has; not of absent ones."""
    found = connection.execute(
        "select schema_name || '.' || name from ("
        " select database_name, schema_name, table_name as name from duckdb_tables()"
        " union all select database_name, schema_name, view_name from duckdb_views()"
        ") where database_name = current_database()"
    ).fetchall()
    present = sorted(set(tables) & {str(row[0]) for row in found})
    if not present:
        return {}
    counts = " union all ".join(
        f"select {quote_text(table)}, (select count(*) from {table})" for table in present
    )
    return dict(connection.execute(counts).fetchall())


def _sample(connection: DuckDBPyConnection, result: Mapping[str, Any]) -> str | None:
    try:
        rows = fetch_sample(connection, result["compiled_code"])
    except duckdb.Error:
        return None
    return json.dumps(rows, default=str, ensure_ascii=False) if rows else None

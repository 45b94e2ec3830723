"""`make failures`: the checks that failed in the last audit, and the rows that broke them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

import duckdb

from orchestration.audit.results import CheckResult, read_results
from orchestration.settings import Settings, SettingsError, read_settings
from sources.ledger.control import escape_control


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what failed; 0 also when something did, for it was asked about."""
    argparse.ArgumentParser(prog="failures", description=__doc__).parse_args(arguments)
    try:
        print(tell_failures(read_settings()))
    except (SettingsError, duckdb.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def tell_failures(settings: Settings) -> str:
    """Return the failed checks of the work database, each with the rows that it shows."""
    if not settings.work_database.exists():
        return f"nothing was built yet in {settings.work_dir}; run make refresh"
    with duckdb.connect(settings.work_database, read_only=True) as connection:
        results = read_results(connection)
    if results is None:
        return "the last build stopped before its audit; run make refresh"
    failed = [result for result in results if not result.is_passed]
    head = f"{len(results)} checks, {len(failed)} failed"
    return escape_control("\n\n".join([head, *map(_tell, failed)]))


def _tell(result: CheckResult) -> str:
    lines = [
        f"{result.table_name}: {result.check_name}",
        f"  {result.check_kind.replace('_', ' ')}, {result.severity}: {result.message}",
    ]
    if result.why:
        lines.append(f"  why: {result.why}")
    rows = json.loads(result.failing_sample or "[]")
    if rows:
        lines.append(f"  {len(rows)} of {result.failed_rows} rows:")
    lines += [f"    {_tell_row(row)}" for row in rows]
    return "\n".join(lines)


def _tell_row(row: object) -> str:
    if isinstance(row, dict):
        return ", ".join(f"{name} {value}" for name, value in row.items())
    return str(row)


if __name__ == "__main__":
    sys.exit(main())

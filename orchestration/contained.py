"""Answers one query of somebody unknown, in a process of its own and within limits.

A process and not a thread: a query that DuckDB does not interrupt, or that takes DuckDB down, ends
alone. Each opens the release that readers have at that moment, and says which it was.
"""

from __future__ import annotations

import json
import math
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection, StatementType

from orchestration.explain import read_release
from orchestration.intact import DamagedError
from orchestration.query import MOST_ROWS, open_release
from sources.ledger.control import escape_control

MOST_CHARACTERS = 500_000
MEMORY_MB = 512
# What DuckDB takes past its own limit, for the longest of lists, ends here.
_ADDRESS_SPACE = 3 << 30

_OPTIONS = {
    "memory_limit": f"{MEMORY_MB}MB",
    "threads": 2,
    # Without one nothing is put on disk.
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    # The published file stays open, but is read as tables alone; in this order.
    "enable_external_access": False,
    "disabled_filesystems": "LocalFileSystem",
}


class RefusedError(Exception):
    """A query is not answered; the message says why and what to do."""


def answer(
    connection: DuckDBPyConnection, sql: str, values: Mapping[str, Any] | Sequence[Any] | None
) -> dict[str, Any]:
    """Return the first rows of a query, the release and the documents that the rows name.

    Raises:
        RefusedError: it is not one query, or its answer is too long.
    """
    release = read_release(connection)
    connection.execute(_read_query(connection, sql), values)
    columns = [escape_control(column[0]) for column in connection.description or []]
    if twice := {name for name in columns if columns.count(name) > 1}:
        raise RefusedError(f"two columns are named {min(twice)}; give each a name of its own")
    found = connection.fetchmany(MOST_ROWS + 1)
    rows = [dict(zip(columns, map(_plain, row), strict=True)) for row in found[:MOST_ROWS]]
    return {
        "release_id": release["release_id"],
        "as_known_on": str(release["today"]),
        "columns": columns,
        "rows": rows,
        "has_more": len(found) > MOST_ROWS,
        "source_ids": sorted({name for row in rows for name in _list_sources(row)}),
    }


def _read_query(connection: DuckDBPyConnection, sql: str) -> duckdb.Statement:
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise RefusedError(f"these are {len(statements)} statements; ask one query")
    (statement,) = statements
    if statement.type != StatementType.SELECT:
        raise RefusedError(
            f"{statement.type.name} is refused; ask a query: it begins with SELECT, WITH, FROM,"
            " VALUES, DESCRIBE, SUMMARIZE or SHOW"
        )
    return statement


def _plain(value: object) -> object:
    """Return a value as JSON has it; decimals and days as text, as they stand in SQL."""
    match value:
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case Decimal():
            return f"{value:f}"
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {escape_control(str(name)): _plain(item) for name, item in value.items()}
        case _:
            return escape_control(str(value))


def _list_sources(row: Mapping[str, Any]) -> list[str]:
    listed = row.get("source_ids")
    named = [row.get("source_id"), *(listed if isinstance(listed, list) else [])]
    return [name for name in named if isinstance(name, str)]


def _limit(seconds: float) -> None:
    """Bound what this process may take; the alarm ends it whatever it is doing."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_REAL, seconds)


def main() -> int:
    """Answer the request on standard input: path, sql, values and seconds, as JSON."""
    request = json.load(sys.stdin)
    try:
        with open_release(Path(request["path"]), _OPTIONS) as connection:
            _limit(request["seconds"])
            text = json.dumps(answer(connection, request["sql"], request["values"]))
        if len(text) > MOST_CHARACTERS:
            raise RefusedError(
                f"the answer has {len(text)} characters, {MOST_CHARACTERS} are allowed;"
                " ask for fewer rows or columns"
            )
    except (FileNotFoundError, DamagedError, RefusedError, duckdb.Error) as error:
        text = json.dumps({"refused": escape_control(str(error))})
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

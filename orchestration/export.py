"""Writes a table of the release, or what SQL answers, as CSV that a spreadsheet opens safely.

`make export TABLE=marts.capacity_by_customer`, or `make export SQL="…"`. UTF-8 with a byte order
mark, by which Excel knows it, commas, CRLF. Values are written in full; a list is joined by spaces.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.intact import DamagedError
from orchestration.query import open_release
from orchestration.settings import SettingsError, read_settings
from sources.sql import quote_name, quote_text

# Where a text begins like a formula, and where it would if a spreadsheet cut it at a semicolon, a
# tab or the end of a line, as one does whose language has another separator. Put there, an
# apostrophe makes it text. Read by RE2, and by JavaScript in the report.
FORMULA = (
    r"(^|[;\t\r\n])([\x00-\x08\x0b\x0c\x0e-\x20\p{Z}"
    "\ufeff"
    r"]*[=+\-@|%"
    "\uff1d\uff0b\uff0d\uff20])"
)
_DISARMED = r"\1'\2"

_NUMBER_OR_TIME = re.compile(
    r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*|DOUBLE|FLOAT|DATE|TIME.*|BOOLEAN"
)

# What a sheet of Excel holds, with its head.
_MOST_ROWS = 1_048_575
_BATCH = 10_000


def export(connection: DuckDBPyConnection, query: str, path: Path) -> int:
    """Write what a query answers to a file, in one rename; return the number of rows.

    Raises:
        duckdb.Error: the query does not run.
        OSError: the file cannot be written.
    """
    connection.execute(
        f"select column_name, column_type, {_disarm('column_name')} from (describe {query})"
    )
    columns = connection.fetchall()
    shown = ", ".join(_show(quote_name(name), kind) for name, kind, _ in columns)
    connection.execute(f"select {shown} from ({query}) as asked")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    count = 0
    try:
        with beside.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(title for _, _, title in columns)
            while rows := connection.fetchmany(_BATCH):
                writer.writerows(rows)
                count += len(rows)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return count


def _show(column: str, kind: str) -> str:
    """Return SQL that writes a column as text; what may begin like a formula is disarmed."""
    if kind.endswith("[]"):
        return _disarm(f"array_to_string({column}, ' ')")
    if _NUMBER_OR_TIME.fullmatch(kind):
        return f"cast({column} as varchar)"
    return _disarm(f"cast({column} as varchar)")


def _disarm(text: str) -> str:
    return f"regexp_replace({text}, {quote_text(FORMULA)}, {quote_text(_DISARMED)}, 'g')"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file and print its path; 1 when it cannot be written."""
    parser = argparse.ArgumentParser(
        prog="export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--table", help="a table of the release, such as marts.capacity_by_customer")
    what.add_argument("--sql", help="a query to answer")
    parser.add_argument("--file", type=Path, help="default: one in exports/ of the warehouse")
    options = parser.parse_args(arguments)
    query = options.sql.strip().rstrip(";") if options.sql else f"from {options.table}"
    try:
        settings = read_settings()
        with open_release(settings.release_file) as connection:
            path = options.file or settings.warehouse_dir / "exports" / _name(
                connection, options.table or "query"
            )
            count = export(connection, query, path)
    except (SettingsError, OSError, DamagedError, duckdb.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(path)
    if count > _MOST_ROWS:
        print(
            f"warning: {count:,} rows, of which Excel shows {_MOST_ROWS:,}; add a limit or an"
            ' aggregate with SQL="…", or read the Parquet file',
            file=sys.stderr,
        )
    return 0


def _name(connection: DuckDBPyConnection, asked: str) -> str:
    """Return the name of a file that says what it holds and of which release."""
    row = connection.execute("select max(release_id) from audit.check_result").fetchone()
    return f"gigaledger-{asked.rpartition('.')[2]}-{row[0] if row else ''}.csv"


if __name__ == "__main__":
    sys.exit(main())

"""A read-only SQL prompt on the published release: `make query`, or `make query SQL="…"`."""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from orchestration.intact import DamagedError, require_intact
from orchestration.settings import SettingsError, read_settings
from sources.ledger.control import escape_control

_HELP = """\
Any SQL that DuckDB reads, ended by a semicolon. Also:
  .tables          the tables of the release, with what one row is
  .macros          the table macros and their arguments
  .columns TABLE   the columns of a table, with what they mean
  .help            this text
  .quit            leave (or Ctrl-D)
Try:  from capacity_as_of(current_date) where customer_id = 'openai';"""

TABLES = """
select schema_name || '.' || table_name as "table", estimated_size as "rows", comment
from duckdb_tables() where database_name = current_database()
order by list_position(['core', 'marts', 'audit'], schema_name), table_name
"""

MACROS = """
select function_name as macro, array_to_string(parameters, ', ') as arguments, comment
from duckdb_functions()
where function_type = 'table_macro' and database_name = current_database()
order by 1
"""

COLUMNS = """
select column_name, data_type, comment from duckdb_columns()
where database_name = current_database() and schema_name || '.' || table_name = ?
order by column_index
"""

MOST_ROWS = 200
_WIDEST_CELL = 60


def open_release(path: Path, options: Mapping[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
    """Open the published file so that nothing can be written and no other file can be read.

    Args:
        path: the published file.
        options: further options of DuckDB, that no statement can change.

    Raises:
        FileNotFoundError: no release has been published yet.
        DamagedError: the file is not what was published.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no release at {path}: run `make refresh` first")
    require_intact(path)
    connection = duckdb.connect(str(path), read_only=True)
    for name, value in (options or {}).items():
        connection.execute(f"set {name} = '{value}'")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def run(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """Answer one statement or dot command as an aligned table."""
    command, _, argument = text.strip().rstrip(";").partition(" ")
    match command:
        case ".help":
            return _HELP
        case ".tables":
            connection.execute(TABLES)
        case ".macros":
            connection.execute(MACROS)
        case ".columns":
            connection.execute(COLUMNS, [argument.strip()])
        case _ if command.startswith("."):
            return f"unknown command {command}; .help lists them"
        case _:
            connection.execute(text)
    return _answer(connection)


def _answer(connection: duckdb.DuckDBPyConnection) -> str:
    """Write what the last statement gave, aligned; long cells and long answers are cut."""
    header = [column[0] for column in connection.description or []]
    rows = connection.fetchmany(MOST_ROWS + 1)
    cells = [
        ["" if value is None else escape_control(str(value)) for value in row]
        for row in rows[:MOST_ROWS]
    ]
    widths = [
        min(_WIDEST_CELL, max(len(line[column]) for line in [header, *cells]))
        for column in range(len(header))
    ]
    lines = [
        "  ".join(
            (cell if len(cell) <= width else f"{cell[: width - 1]}…").ljust(width)
            for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in [header, ["-" * width for width in widths], *cells]
    ]
    if len(rows) > MOST_ROWS:
        lines.append(f"… the first {MOST_ROWS} rows; add a limit or an aggregate to see less")
    return "\n".join(lines)


def _statements() -> Iterator[str]:
    """Read statements from the terminal: a dot command a line, SQL up to a semicolon."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  line editing and history where the platform has them
    pending: list[str] = []
    while True:
        try:
            line = input("gigaledger> " if not pending else "       ...> ")
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()
            pending.clear()
            continue
        if not pending and line.strip() in {".quit", ".exit"}:
            return
        pending.append(line)
        text = "\n".join(pending).strip()
        if text.startswith(".") or text.endswith(";"):
            pending.clear()
            yield text
        elif not text:
            pending.clear()


def main(arguments: list[str] | None = None) -> int:
    """Run the prompt, or one statement; the exit code is 1 when the statement fails."""
    parser = argparse.ArgumentParser(
        prog="query",
        description=__doc__,
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sql", help="one statement to answer; without it, a prompt")
    options = parser.parse_args(arguments)
    try:
        path = read_settings().release_file
        connection = open_release(path)
    except (SettingsError, FileNotFoundError, DamagedError, duckdb.Error) as error:
        print(error, file=sys.stderr)
        return 1
    with connection:
        if options.sql:
            try:
                print(run(connection, options.sql))
            except duckdb.Error as error:
                print(error, file=sys.stderr)
                return 1
            return 0
        print(f"{path}, read-only. .help for help.")
        for text in _statements():
            try:
                print(run(connection, text))
            except duckdb.Error as error:
                print(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Pages that show what queries and commands give: `make pages` writes it into docs/.

Each block of SQL stands before a place for its answer:

    ```sql
    select …, source_ids from …
    ```

    <!-- answer -->
    <!-- end -->

The column `source_ids` is not shown: under the table stands the weakest document of its rows. A
command is followed in the same way by what it prints:

    ```
    make explain TABLE=… KEY="…" COLUMN=…
    ```

    <!-- output -->
    <!-- end -->
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.explain import ExplainError, explain, read_key, read_release, tell
from orchestration.intact import DamagedError
from orchestration.query import open_release
from orchestration.settings import ROOT, SettingsError, read_settings

QUESTIONS = ROOT / "docs" / "questions.md"
EXPLAIN = ROOT / "docs" / "explain.md"
METHODS = ROOT / "docs" / "methods.md"
LIMITS = ROOT / "docs" / "limits.md"
PAGES = (QUESTIONS, EXPLAIN, METHODS, LIMITS)

_QUESTION = re.compile(
    r"```sql\n(?P<sql>.*?);\n```\n\n<!-- answer -->\n(?P<answer>.*?)<!-- end -->", re.DOTALL
)
_COMMAND = re.compile(
    r'```\nmake explain TABLE=(?P<table>\S+) KEY="(?P<key>[^\n]*)" COLUMN=(?P<column>\S+)\n```\n\n'
    r"<!-- output -->\n(?P<output>.*?)<!-- end -->",
    re.DOTALL,
)
_DAY = re.compile(r"(<!-- day -->)(.*?)(<!-- end -->)")

# The weakest first: farthest from the fact, then least read, then without an address.
_WEAKEST = """
select publisher, title, url, locator, tier, read
from core.dim_source where source_id in (select unnest(?))
order by
    case tier when 'tertiary' then 1 when 'secondary' then 2 else 3 end,
    case read when 'not_read' then 1 when 'excerpt' then 2 else 3 end,
    url is not null, source_id
"""


class PageError(Exception):
    """A page cannot be written; the message names the query."""


def read_queries(text: str) -> list[str]:
    """Return the queries of a page that have an answer under them, in their order."""
    return [found["sql"] for found in _QUESTION.finditer(text)]


def read_day(text: str) -> date:
    """Return the day on which the answers of a page stand."""
    found = _DAY.search(text)
    if found is None:
        raise PageError("the page does not say its day: <!-- day -->2026-11-25<!-- end -->")
    return date.fromisoformat(found[2])


def renew(text: str, connection: DuckDBPyConnection, today: date) -> str:
    """Return a page with the answers of a release, which stands on the day `today`."""

    def answer(found: re.Match[str]) -> str:
        before = found[0][: found.start("answer") - found.start()]
        return f"{before}{write_answer(connection, found['sql'])}<!-- end -->"

    def output(found: re.Match[str]) -> str:
        before = found[0][: found.start("output") - found.start()]
        return f"{before}{write_output(connection, *found.group('table', 'key', 'column'))}<!-- end -->"

    text = _COMMAND.sub(output, _QUESTION.sub(answer, text))
    return _DAY.sub(rf"\g<1>{today}\g<3>", text)


def write_answer(connection: DuckDBPyConnection, sql: str) -> str:
    """Return what a query gives as a table, and the weakest document that it rests on.

    Raises:
        PageError: the query fails, or does not say its documents.
    """
    try:
        connection.execute(sql)
    except duckdb.Error as error:
        raise PageError(f"{error}\nin the query\n{sql}") from error
    names = [column[0] for column in connection.description or []]
    rows = connection.fetchall()
    if "source_ids" not in names:
        raise PageError(f"the column source_ids is missing in the query\n{sql}")
    place = names.index("source_ids")
    documents = {source for row in rows for source in row[place] or ()}
    shown = [i for i in range(len(names)) if i != place]
    lines = [
        write_line(names[i] for i in shown),
        "|" + "---|" * len(shown),
        *(write_line(show(row[i]) for i in shown) for row in rows),
    ]
    return "\n".join(lines) + f"\n\n{_tell_weakest(connection, documents)}\n"


def write_output(connection: DuckDBPyConnection, table: str, key: str, column: str) -> str:
    """Return what make explain prints, as a block of text."""
    explanation = explain(connection, table, read_key(connection, table, key), column)
    return f"```text\n{tell(explanation)}\n```\n"


def show(value: object) -> str:
    """Return a value as a person reads it: three decimals at most, nothing for a gap."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal | float):
        text = f"{value:,.3f}".rstrip("0").rstrip(".")
        return "0" if text == "-0" else text
    return str(value)


def write_line(cells: Iterable[str]) -> str:
    """Return a line of a table in Markdown."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _tell_weakest(connection: DuckDBPyConnection, documents: set[str]) -> str:
    found = connection.execute(_WEAKEST, [sorted(documents)]).fetchall()
    if not found:
        return "It rests on no document."
    publisher, title, url, locator, tier, read = found[0]
    primary = sum(row[4] == "primary" for row in found)
    name = f"[{title}](<{url}>)" if url else f"{title} ({locator or 'no address'})"
    return (
        f"Weakest of {len(found)} documents, {primary} of them primary: {name},"
        f" {publisher}, {tier}, {'not read' if read == 'not_read' else f'read: {read}'}."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages anew from the published release."""
    parser = argparse.ArgumentParser(prog="pages", description=__doc__.split("\n")[0])
    parser.add_argument("page", type=Path, nargs="*", default=PAGES, help="default: those in docs/")
    options = parser.parse_args(arguments)
    try:
        with open_release(read_settings().release_file) as connection:
            today = read_release(connection)["today"]
            for page in options.page:
                text = page.read_text(encoding="utf-8")
                page.write_text(renew(text, connection, today), encoding="utf-8")
                print(f"{page}: as known on {today}")
    except (SettingsError, OSError, DamagedError, PageError, ExplainError, duckdb.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Citations of published figures: `make cite`, and `make check-citation` against a later release.

A citation is a small JSON text: the release, the query, what it gave, the documents and the hashes
of the ledger's records behind it. Checked later, it says whether the query still gives the same, and
if not, which of its records changed, came or went, and whether the day or the code is another.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.explain import (
    ExplainError,
    Row,
    ask,
    explain,
    find_documents,
    find_records,
    list_columns,
    read_key,
    read_release,
    to_json,
    write_query,
)
from orchestration.intact import DamagedError
from orchestration.query import open_release
from orchestration.settings import SettingsError, read_settings

FORMAT = "gigaledger citation 1"

_NO_REASON = "no record behind it, day or code is another; the citation may have been edited"

_CELL = ("table", "key", "column")

# What rests on any of some documents: the records behind a query that names none itself.
_RESTING = """
select deal_id, null as observation_id, null as assumption_id, null as capex_id
from core.dim_deal where list_has_any(source_ids, $sources)
union all
select null, observation_id, null, null
from core.fct_token_volume where list_has_any(source_ids, $sources)
union all
select null, null, assumption_id, null
from core.dim_assumption where list_has_any(source_ids, $sources)
union all
select null, null, null, capex_id
from core.fct_financial_figure where list_has_any(source_ids, $sources)
"""


class CitationError(Exception):
    """A citation cannot be made or read; the message says what to do."""


def cite_cell(
    connection: DuckDBPyConnection, table: str, key: Mapping[str, str], column: str
) -> Row:
    """Return the citation of a cell, with its bounds where it has them.

    Raises:
        ExplainError: there is no such cell.
    """
    explanation = explain(connection, table, key, column)
    stem = column.removesuffix("_base")
    wanted = [f"{stem}_low", column, f"{stem}_high"]
    columns = [name for name in wanted if name in list_columns(connection, table)]
    query = write_query(table, key, columns)
    return {
        **_head(connection, query),
        "table": table,
        "key": dict(key),
        "column": column,
        "values": _read_values(connection, query)[0],
        "documents": explanation.documents,
        "records": _hashes(explanation.records),
    }


def cite_query(connection: DuckDBPyConnection, query: str) -> Row:
    """Return the citation of what a query of one row gives; its column source_ids is its evidence.

    Raises:
        CitationError: the query fails, or does not give one row.
    """
    values, sources = _read_values(connection, query)
    return {
        **_head(connection, query),
        "values": values,
        "documents": find_documents(connection, sources),
        "records": _find_resting(connection, sources),
    }


def check(connection: DuckDBPyConnection, citation: Mapping[str, Any]) -> tuple[bool, list[str]]:
    """Return whether a citation still holds, and what is to say of it, line by line."""
    release = read_release(connection)
    head = f"cited from {citation['release_id']}, checked on {release['release_id']}"
    try:
        now = _cite_again(connection, citation)
    except (CitationError, ExplainError) as error:
        reasons = (f"why: {line}" for line in _tell_surroundings(citation, release))
        return False, [head, f"gone: {error}", *reasons]
    differing = [
        f"changed: {name} was {_show(was)}, is {_show(now['values'].get(name))}"
        for name, was in citation["values"].items()
        if now["values"].get(name) != was
    ]
    evidence = [*_compare_records(citation, now), *_compare_documents(citation, now)]
    if not differing:
        same = ", ".join(f"{name} {_show(value)}" for name, value in now["values"].items())
        return True, [head, f"unchanged: {same}", *(f"meanwhile: {line}" for line in evidence)]
    reasons = [*evidence, *_tell_surroundings(citation, release)]
    return False, [head, *differing, *(f"why: {line}" for line in reasons or [_NO_REASON])]


def read_citation(path: Path) -> Row:
    """Read a citation.

    Raises:
        CitationError: the file holds none.
    """
    try:
        citation = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CitationError(f"{path} cannot be read as a citation: {error}") from error
    needed = {"release_id", "query", "values", "documents", "records"}
    if not isinstance(citation, dict) or citation.get("format") != FORMAT:
        raise CitationError(
            f'{path} is no citation: "format" must be "{FORMAT}"; make cite makes one'
        )
    if missing := needed - citation.keys():
        raise CitationError(f"{path} lacks {', '.join(sorted(missing))}; make cite makes it anew")
    return citation


def _head(connection: DuckDBPyConnection, query: str) -> Row:
    release = read_release(connection)
    return {
        "format": FORMAT,
        "release_id": release["release_id"],
        "as_known_on": str(release["today"]),
        "content_hash": release["content_hash"],
        "git_revision": release["git_revision"],
        "query": query,
    }


def _cite_again(connection: DuckDBPyConnection, citation: Mapping[str, Any]) -> Row:
    if all(name in citation for name in _CELL):
        return cite_cell(connection, *(citation[name] for name in _CELL))
    return cite_query(connection, citation["query"])


def _read_values(connection: DuckDBPyConnection, query: str) -> tuple[Row, list[str]]:
    """Return what a query of one row gives, as text or null, and its documents apart."""
    try:
        rows = ask(connection, query)
    except duckdb.Error as error:
        raise CitationError(f"the query fails: {error}") from error
    if len(rows) != 1:
        raise CitationError(f"the query gives {len(rows)} rows; a citation is of one")
    values = {name: None if value is None else str(value) for name, value in rows[0].items()}
    values.pop("source_ids", None)
    return values, rows[0].get("source_ids") or []


def _find_resting(connection: DuckDBPyConnection, sources: Sequence[str]) -> dict[str, str]:
    resting = ask(connection, _RESTING, {"sources": list(sources)})
    return _hashes(find_records(connection, resting))


def _hashes(records: Sequence[Row]) -> dict[str, str]:
    return {
        f"{record['record_kind']} {record['record_id']}": record["content_hash"]
        for record in records
    }


def _compare_records(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    before, after = was["records"], now["records"]
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"{name} is no longer behind it"
        elif name not in before:
            yield f"{name} came to it"
        elif before[name] != after[name]:
            yield f"{name} says something else now"


def _compare_documents(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    before = {document["source_id"] for document in was["documents"]}
    for document in now["documents"]:
        if document["source_id"] not in before:
            yield (
                f"document {document['source_id']} came to it: {document['title']},"
                f" {document['publisher']}, {document['url'] or document['locator']}"
            )


def _tell_surroundings(citation: Mapping[str, Any], release: Row) -> Iterator[str]:
    if citation.get("as_known_on") != str(release["today"]):
        yield f"as known on {release['today']}, before on {citation.get('as_known_on')}"
    if citation.get("git_revision") != release["git_revision"]:
        yield (
            f"the code is {release['git_revision']}, before {citation.get('git_revision')};"
            " a rule may be stated otherwise"
        )


def _show(value: object) -> str:
    return "nothing" if value is None else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make or check a citation: 0 made or unchanged, 1 changed or gone, 2 not possible."""
    parser = argparse.ArgumentParser(prog="cite", description=__doc__.split("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    cell = verbs.add_parser("cell", help="cite a cell of a table")
    cell.add_argument("table", help="schema and name, as marts.capacity_by_customer")
    cell.add_argument("key", help='"openai,net" in the order of the columns, or column=value,…')
    cell.add_argument("column", help="the column of the figure, as total_gw_base")
    query = verbs.add_parser("query", help="cite what a query of one row gives")
    query.add_argument("sql", help="with the column source_ids, which names its documents")
    checked = verbs.add_parser("check", help="run a citation again")
    checked.add_argument("file", type=Path, help="what make cite wrote")
    options = parser.parse_args(arguments)
    try:
        with open_release(read_settings().release_file) as connection:
            if options.verb == "check":
                holds, lines = check(connection, read_citation(options.file))
                print("\n".join(lines))
                return 0 if holds else 1
            if options.verb == "query":
                print(to_json(cite_query(connection, options.sql.strip().rstrip(";"))))
            else:
                wanted = read_key(connection, options.table, options.key)
                print(to_json(cite_cell(connection, options.table, wanted, options.column)))
    except (
        SettingsError,
        OSError,
        DamagedError,
        CitationError,
        ExplainError,
        duckdb.Error,
    ) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

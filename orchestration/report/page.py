"""Writes the report of a release: `report/index.html`, one page that needs no other file.

What it shows are the rows of queries/*.sql, moved into the page as JSON; charts/*.json say how
Vega draws them. Texts of the ledger are never markup: Jinja escapes them, the script sets them as
text, and the JSON holds no character that could end its element. The page's policy lets only the
scripts and styles run that are in it, by their hashes, and lets nothing be fetched or sent.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection
from jinja2 import Environment, FileSystemLoader

from orchestration.export import FORMULA
from orchestration.release import ReleaseError

PAGE_NAME = "index.html"
HERE = Path(__file__).parent
QUERIES = {path.stem: path for path in sorted((HERE / "queries").glob("*.sql"))}
_CHARTS = {path.stem: path for path in sorted((HERE / "charts").glob("*.json"))}

# Far more than any figure rests on today; of a very large ledger, the page names the first.
_MOST_DOCUMENTS = 5000

_RELEASE = """
select release_id, published_at, today, content_hash, git_revision
from audit.release
where release_id = (select max(release_id) from audit.check_result)
order by published_at desc limit 1
"""

_DOCUMENTS = """
select title, publisher, url, cast(published_on as varchar) as published_on, tier, read, locator,
    source_id
from core.dim_source
where source_id in (select unnest(?))
order by case tier when 'primary' then 1 when 'secondary' then 2 else 3 end,
    published_on desc nulls last, source_id
"""


def load_scripts() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, without a network.

    Putting them together takes seconds, so the script is kept under its version, where Python
    keeps what it compiles.
    """
    import vl_convert

    kept = HERE / "__pycache__" / f"vega-{vl_convert.__version__}.js"
    with contextlib.suppress(OSError):
        return kept.read_text(encoding="utf-8")
    scripts = vl_convert.javascript_bundle()
    beside = kept.with_suffix(f".{os.getpid()}")
    # Where nothing can be kept, the next one is put together again.
    with contextlib.suppress(OSError):
        kept.parent.mkdir(exist_ok=True)
        beside.write_text(scripts, encoding="utf-8")
        os.replace(beside, kept)
    return scripts


def write_report(connection: DuckDBPyConnection, folder: Path, scripts: str) -> Path:
    """Write the report of the release that is the current database; return the page.

    Args:
        connection: its current database is the release.
        folder: made when absent.
        scripts: what `load_scripts` returns.

    Raises:
        ReleaseError: a query does not run on the release, or a script cannot stand in a page.
    """
    page = build_page(connection, scripts)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PAGE_NAME
    path.write_text(page, encoding="utf-8", errors="replace", newline="\n")
    return path


def build_page(connection: DuckDBPyConnection, scripts: str) -> str:
    """Return the page as text."""
    content = read_content(connection)
    own = (HERE / "report.js").read_text(encoding="utf-8")
    style = (HERE / "report.css").read_text(encoding="utf-8")
    for script in (scripts, own):
        _refuse_end(script)
    charts = {name: json.loads(path.read_text("utf-8")) for name, path in _CHARTS.items()}
    figures = {row["figure"]: row for row in _read_rows(content["sets"].pop("overview"))}
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": show_number, "day": _show_day, "month": _show_month}
    return environment.get_template("page.html.j2").render(
        figures=figures,
        release=content["release"],
        sizes={name: len(rows["rows"]) for name, rows in content["sets"].items()},
        documents=content["documents"],
        style=style,
        scripts=[scripts, own],
        style_hash=_hash(style),
        script_hashes=[_hash(scripts), _hash(own)],
        content=_write_json({**content, "formula": FORMULA}),
        charts=_write_json(charts),
    )


def read_content(connection: DuckDBPyConnection) -> dict[str, Any]:
    """Return what the page holds: the release, the rows of every query, and their documents.

    A row's `source_ids` become `cite`, a place in `citations`, whose members are places in
    `documents`.
    """
    release = dict(zip(*_fetch(connection, "audit.release", _RELEASE), strict=True))
    sets = {}
    citations: dict[tuple[str, ...], int] = {}
    for name, path in QUERIES.items():
        query = path.read_text(encoding="utf-8")
        if "source_ids" in query:
            cut = f"list_slice(source_ids, 1, {_MOST_DOCUMENTS}) as source_ids"
            query = f"select * replace ({cut}) from (\n{query}\n) as asked"
        columns, *rows = _fetch(connection, path.name, query)
        if "source_ids" in columns:
            place = columns.index("source_ids")
            columns[place] = "cite"
            for row in rows:
                row[place] = citations.setdefault(tuple(row[place] or ()), len(citations))
        sets[name] = {"columns": columns, "rows": rows}
    cited = sorted({source_id for citation in citations for source_id in citation})
    columns, *rows = _fetch(connection, "core.dim_source", _DOCUMENTS, [cited])
    documents = [dict(zip(columns, row, strict=True)) for row in rows]
    places = {document.pop("source_id"): place for place, document in enumerate(documents)}
    if missing := [source_id for source_id in cited if source_id not in places]:
        raise ReleaseError(f"core.dim_source has no document {missing[0]}, which a figure cites")
    return {
        "release": release,
        "sets": sets,
        # In the order of the documents: the nearest to the fact first.
        "citations": [sorted(places[source] for source in citation) for citation in citations],
        "documents": documents,
    }


def _fetch(
    connection: DuckDBPyConnection, name: str, sql: str, arguments: list[Any] | None = None
) -> list[list[Any]]:
    """Return the names of the columns, then the rows, as JSON can hold them."""
    try:
        connection.execute(sql, arguments)
        rows = connection.fetchall()
    except duckdb.Error as error:
        raise ReleaseError(f"the report's query of {name} does not run: {error}") from error
    columns = [column[0] for column in connection.description or []]
    return [columns, *([_as_json(value) for value in row] for row in rows)]


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def _read_rows(rows: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    return (dict(zip(rows["columns"], row, strict=True)) for row in rows["rows"])


def _write_json(content: Any) -> str:
    """Return JSON that can stand in a script element: no text in it ends the element."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _refuse_end(script: str) -> None:
    for ending in ("</script", "<!--", "\r"):
        if ending in script.lower():
            raise ReleaseError(
                f"a script of the report holds {ending!r} and cannot stand in a page"
            )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def show_number(value: float | None, digits: int = 1, scale: float = 1) -> str:
    """Return a figure as a person reads it, divided by `scale`; a dash for a gap."""
    return "–" if value is None else f"{value / scale:,.{digits}f}"


def _show_day(text: str) -> str:
    day = date.fromisoformat(text[:10])
    return f"{day.day} {day:%B %Y}"


def _show_month(text: str) -> str:
    return f"{date.fromisoformat(text):%B %Y}"

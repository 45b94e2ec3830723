"""An MCP server on the published release, for machine readers: `make mcp`.

Every answer is computed by `orchestration.contained`; here stands only what is offered.
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import anyio
import duckdb
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError
from mcp_types import ToolAnnotations
from pydantic import Field

from orchestration.explain import RELEASE, Row, ask
from orchestration.intact import DamagedError
from orchestration.query import COLUMNS, MACROS, MOST_ROWS, TABLES, open_release
from orchestration.settings import ROOT, SettingsError, read_settings
from sources.sql import quote_name

_SECONDS = 20.0
_MOST_QUERIES = 2

# What an argument of a macro is, by its name, to Python and to DuckDB; the others are texts.
_KINDS: Mapping[str, tuple[Any, str]] = {"day": (date, "date"), "days": (list[date], "date[]")}
_TEXT = (str, "varchar")

_INSTRUCTIONS = f"""\
Gigaledger is the warehouse of announced AI compute: deals, gigawatts, dollars, tokens.
Read gigaledger://tables and gigaledger://tables/{{table}} before you write SQL. The tables of core
and marts stand on the day as_known_on; the tools named …_as_of answer as of any day.
Each answer names its release_id and, in source_ids, the documents behind its rows, if the query
selects the column source_ids or source_id; core.dim_source has their titles and addresses.
Figures have bounds (…_low, …_base, …_high): quote them. Decimals are texts.
An answer has at most {MOST_ROWS} rows; has_more says that there are more.
"""

_READ_ONLY = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


class _Reader:
    """Asks the release that is published at that moment, each time in a process of its own."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._turns = anyio.CapacityLimiter(_MOST_QUERIES)

    async def ask(
        self, sql: str, values: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> dict[str, Any]:
        """Return the answer of `orchestration.contained`.

        Raises:
            ResourceError: there is none; the message says why.
        """
        request = {
            "path": str(self._path),
            "sql": sql,
            "values": values,
            "seconds": self._seconds,
        }
        async with self._turns:
            # Without this process's environment, which may hold keys.
            ended = await anyio.run_process(
                [sys.executable, "-m", "orchestration.contained"],
                input=json.dumps(request, default=str).encode(),
                cwd=ROOT,
                env={},
                stderr=None,
                check=False,
            )
        if ended.returncode == -signal.SIGALRM:
            raise ResourceError(f"ended: it took more than {self._seconds:g} seconds; ask for less")
        if ended.returncode:
            raise ResourceError("ended: it broke down, as for want of memory; ask for less")
        answer = json.loads(ended.stdout)
        if "refused" in answer:
            raise ResourceError(answer["refused"])
        return answer


def make_server(path: Path, offered: Sequence[Row], seconds: float) -> MCPServer:
    """Return the server of a published file, with a tool for each of its macros."""
    reader = _Reader(path, seconds)
    server = MCPServer("gigaledger", instructions=_INSTRUCTIONS, log_level="WARNING")

    @server.tool(annotations=_READ_ONLY)
    async def query(sql: str) -> dict[str, Any]:
        """Answer one query in DuckDB's SQL on the release; anything but a query is refused."""
        return await reader.ask(sql)

    for macro in offered:
        server.add_tool(
            _make_tool(reader, macro["macro"], macro["arguments"].split(", ")),
            name=macro["macro"],
            description=macro["comment"] or f"The rows of the table macro {macro['macro']}.",
            annotations=_READ_ONLY,
        )

    @server.resource("gigaledger://release", mime_type="application/json")
    async def release() -> dict[str, Any]:
        """The release that answers come from: when, from what, and its hashes."""
        return await reader.ask(RELEASE)

    @server.resource("gigaledger://tables", mime_type="application/json")
    async def tables() -> dict[str, Any]:
        """The tables of the release, with what one row of each is."""
        return await reader.ask(TABLES)

    @server.resource("gigaledger://macros", mime_type="application/json")
    async def macros() -> dict[str, Any]:
        """The table macros of the release, with their arguments."""
        return await reader.ask(MACROS)

    @server.resource("gigaledger://tables/{table}", mime_type="application/json")
    async def table(table: str) -> dict[str, Any]:
        """The columns of a table, as gigaledger://tables/core.dim_deal, with what they mean."""
        answer = await reader.ask(COLUMNS, [table])
        if not answer["rows"]:
            raise ResourceError(f"there is no table {table}; gigaledger://tables lists them")
        return answer

    return server


def _make_tool(reader: _Reader, macro: str, parameters: Sequence[str]) -> Callable[..., Any]:
    """Return a function that has the arguments of a macro, and says which rows are left out."""
    kinds = {name: _KINDS.get(name, _TEXT) for name in parameters}
    arguments = ", ".join(f"cast(${name} as {kind})" for name, (_, kind) in kinds.items())
    sql = f"from {quote_name(macro)}({arguments}) order by all offset $offset"

    async def call(**values: Any) -> dict[str, Any]:
        return await reader.ask(sql, values)

    annotations = {name: kind for name, (kind, _) in kinds.items()}
    annotations["offset"] = Annotated[int, Field(ge=0, description="how many rows to leave out")]
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=annotation,
                default=0 if name == "offset" else inspect.Parameter.empty,
            )
            for name, annotation in annotations.items()
        ],
        return_annotation=dict[str, Any],
    )
    return call


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until standard input ends; the exit code is 1 when there is no release to serve."""
    parser = argparse.ArgumentParser(prog="mcp", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--seconds", type=float, default=_SECONDS, help="the longest that a query may take"
    )
    options = parser.parse_args(arguments)
    if not 0 < options.seconds < math.inf:
        parser.error("--seconds: write a number above 0")
    try:
        path = read_settings().release_file
        with open_release(path) as connection:
            offered = ask(connection, MACROS)
    except (SettingsError, FileNotFoundError, DamagedError, duckdb.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if sys.stdin.isatty():
        print(f"serving {path} to a program; docs/mcp.md says to which", file=sys.stderr)
    make_server(path, offered, options.seconds).run("stdio")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Machine readers: a real server over standard input and output, and hostile queries."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import duckdb
import pytest
from mcp import Client, MCPError, StdioServerParameters

from orchestration import mcp_server
from orchestration.query import MOST_ROWS
from orchestration.release import Release, publish_release
from tests.release.conftest import NOON, make_origin, make_warehouse
from tests.warehouse.harness import ROOT, Warehouse

SECRET = "c0ffee_of_this_machine"
LISTED = "name-that-only-a-listing-tells"

# On an ordinary connection each of these tells the secret, or the name of the file beside it.
READS = (
    "from read_text('{secret}.csv')",
    "from read_blob('{secret}.csv')",
    "from read_csv('{secret}.csv')",
    "from '{secret}.csv'",
    "select * from \"{secret}.csv\"",
    "from 'file://{secret}.csv'",
    "from read_csv('{folder}/*.csv')",
    "from read_text(['{secret}.csv'])",
    "from glob('{folder}/*')",
    "from sniff_csv('{secret}.csv')",
    "describe from '{secret}.csv'",
    "summarize from '{secret}.csv'",
    "from query('from read_text(''{secret}.csv'')')",
    "from query_table('{secret}.csv')",
    "with stolen as materialized (from read_text('{secret}.csv')) select content from stolen",
    "select (select content from read_text('{secret}.csv'))",
    "from core.dim_deal, lateral (from read_text('{secret}.csv')) limit 1",
    "from read_json('{secret}.json')",
    "from read_ndjson_objects('{secret}.json')",
    "from '{secret}.json'",
    "from read_parquet('{secret}.parquet')",
    "from parquet_schema('{secret}.parquet')",
    "explain analyze from '{secret}.csv'",
)

# On an ordinary connection that is read-only each of these leaves something in the folder.
WRITES = (
    "copy core.dim_deal to '{out}.csv'",
    "copy (select 1) to '{out}.parquet' (format parquet)",
    "copy (select 1 as part, 2) to '{out}' (format csv, partition_by (part))",
    "export database '{out}'",
    "attach '{out}.duckdb' as stolen (read_write)",
    "explain analyze copy (select 1) to '{out}.csv'",
    "select 1; copy (select 1) to '{out}.csv'",
    "/* select */ copy (select 1) to '{out}.csv' -- select",
    "call enable_logging(storage = 'file', storage_path = '{out}')",
)

# Refused before they run, or by the release, which is read-only.
REFUSED = (
    "insert into core.dim_deal (deal_id) values ('mine')",
    "update core.dim_deal set title = 'mine'",
    "delete from core.dim_deal",
    "drop table core.dim_deal",
    "create table mine as select 1",
    "create temp table mine as select 1",
    "create macro deals_as_of(day) as table select 1",
    "with gone as (delete from core.dim_deal returning *) from gone",
    "comment on table core.dim_deal is 'mine'",
    "set enable_external_access = true",
    "reset lock_configuration",
    "pragma temp_directory = '{out}'",
    "install httpfs",
    "force install spatial from 'http://127.0.0.1:{port}'",
    "load '{out}.duckdb_extension'",
    "attach 'http://127.0.0.1:{port}/x.duckdb' as x",
    "from read_csv('http://127.0.0.1:{port}/x.csv')",
    "from 'https://127.0.0.1:{port}/x.parquet'",
    "create secret mine (type s3)",
    "from duckdb_extensions()",
    "select getenv('PATH')",
    "from read_text('/proc/self/environ')",
    "from read_text('pyproject.toml')",
    "from read_blob('{file}')",
    "from connection",
    "from enable_logging(storage = 'file', storage_path = '{out}')",
    "prepare mine as copy (select 1) to '{out}.csv'",
    "select 1; select 2",
    " ; -- nothing",
    "import database '{folder}'",
)

# Each would take for ever, all memory, or the reader's patience.
GREEDY = (
    "select sleep_ms(600000)",
    "select count(*) from range(1000000) as a, range(1000000) as b where a.range * b.range % 7 = 3",
    "with recursive step (n) as (select 1 union all select n + 1 from step) select max(n) from step",
    "select list(a.range) from range(100000000000) as a",
    "select list_sort(range(400000000))",
    "select repeat('x', 4000000000)",
    "select repeat('x', 10000000)",
    "select " + "[" * 900 + "1" + "]" * 900,
)

HOSTILE = (*READS, *WRITES, *REFUSED, *GREEDY)


@dataclass(frozen=True)
class Outcome:
    """What the server said to the hostile queries, and what they left."""

    answers: dict[str, Any]
    before: dict[str, bytes]
    after: dict[str, bytes]
    was_called: bool
    """Whether anything reached the port that some of the queries name."""


def _connect(warehouse: Path, *arguments: str) -> AbstractAsyncContextManager[Client]:
    return Client(
        StdioServerParameters(
            command=sys.executable,
            args=["-m", "orchestration.mcp_server", *arguments],
            cwd=ROOT,
            env={"GIGALEDGER_WAREHOUSE": str(warehouse)},
        )
    )


async def _ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def _read(client: Client, uri: str) -> dict[str, Any]:
    (content,) = (await client.read_resource(uri)).contents
    return json.loads(content.text)  # type: ignore[union-attr]


def _fill(statement: str, folder: Path, **places: object) -> str:
    for name, value in {
        "secret": folder / "secret",
        "out": folder / "out",
        "folder": folder,
        **places,
    }.items():
        statement = statement.replace(f"{{{name}}}", str(value))
    return statement


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A folder with a secret in several formats."""
    return _make_canary(tmp_path / "canary")


def _make_canary(folder: Path) -> Path:
    folder.mkdir()
    (folder / LISTED).touch()
    (folder / "secret.csv").write_text(f"{SECRET}\n{SECRET}\n", encoding="utf-8")
    (folder / "secret.json").write_text(json.dumps({SECRET: SECRET}), encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select '{SECRET}' as {SECRET}) to '{folder / 'secret.parquet'}'"
        )
    return folder


def _take_stock(*folders: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() if path.is_file() else b""
        for folder in folders
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(scope="module")
def outcome(warehouse_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Every hostile query, really asked."""
    folder = _make_canary(tmp_path_factory.mktemp("hostile") / "canary")
    answers: dict[str, Any] = {}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        places = {
            "port": listening.getsockname()[1],
            "file": warehouse_dir / "gigaledger.duckdb",
        }

        async def ask(client: Client, statement: str) -> None:
            sql = _fill(statement, folder, **places)
            answers[statement] = await client.call_tool("query", {"sql": sql})

        async def ask_all() -> None:
            async with (
                _connect(warehouse_dir, "--seconds", "2") as client,
                anyio.create_task_group() as group,
            ):
                for statement in HOSTILE:
                    group.start_soon(ask, client, statement)

        before = _take_stock(folder, warehouse_dir)
        anyio.run(ask_all)
        after = _take_stock(folder, warehouse_dir)
        was_called = bool(select.select([listening], [], [], 0)[0])
    yield Outcome(answers, before, after, was_called)


def test_there_are_seventy_hostile_queries() -> None:
    assert len(set(HOSTILE)) == 70


@pytest.mark.parametrize("statement", HOSTILE, ids=lambda text: text[:60])
def test_hostile_query_is_refused_or_ended(outcome: Outcome, statement: str) -> None:
    result = outcome.answers[statement]
    told = "".join(content.text for content in result.content)

    assert result.is_error, told
    assert told.startswith("Error executing tool query: ")
    assert SECRET not in told
    assert LISTED not in told


def test_hostile_queries_leave_nothing_and_call_nobody(outcome: Outcome) -> None:
    assert outcome.after == outcome.before
    assert not outcome.was_called


@pytest.mark.parametrize("statement", READS)
def test_query_would_read_the_secret_if_it_could(
    warehouse_dir: Path, canary: Path, statement: str
) -> None:
    with duckdb.connect(warehouse_dir / "gigaledger.duckdb", read_only=True) as connection:
        told = str(connection.execute(_fill(statement, canary)).fetchall())

    assert SECRET in told or LISTED in told


@pytest.mark.parametrize("statement", WRITES)
def test_query_would_write_if_it_could(warehouse_dir: Path, canary: Path, statement: str) -> None:
    before = _take_stock(canary)
    with duckdb.connect(warehouse_dir / "gigaledger.duckdb", read_only=True) as connection:
        connection.execute(_fill(statement, canary))
        connection.execute("select 1")

    assert _take_stock(canary) != before


def test_dictionary_and_macros_are_those_of_the_release(
    warehouse_dir: Path, published_warehouse: Warehouse
) -> None:
    tables = published_warehouse.rows(
        "select schema_name || '.' || table_name as name, comment from duckdb_tables()"
        " where database_name = current_database()"
    )
    macros = published_warehouse.rows(
        "select function_name as name, comment from duckdb_functions()"
        " where function_type = 'table_macro' and database_name = current_database()"
    )

    async def look() -> None:
        async with _connect(warehouse_dir) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert tools.keys() - {"query"} == {macro["name"] for macro in macros}
            for macro in macros:
                assert tools[macro["name"]].description == macro["comment"]
            assert all(tool.annotations.read_only_hint for tool in tools.values())

            (release,) = (await _read(client, "gigaledger://release"))["rows"]
            listed = await _read(client, "gigaledger://tables")
            assert listed["release_id"] == release["release_id"]
            told = {row["table"]: row["comment"] for row in listed["rows"]}
            assert told == {row["name"]: row["comment"] for row in tables}
            columns = await _read(client, "gigaledger://tables/core.dim_deal")
            assert columns["rows"][0]["column_name"] == "deal_id"
            assert columns["rows"][0]["comment"].startswith("Id of the deal")
            with pytest.raises(MCPError, match="no table core.nothing"):
                await _read(client, "gigaledger://tables/core.nothing")

    anyio.run(look)


def test_answers_name_their_release_and_documents(
    warehouse_dir: Path, published_warehouse: Warehouse
) -> None:
    (release,) = published_warehouse.rows("select release_id from audit.release")
    expected = published_warehouse.rows(
        "select * from capacity_as_of(date '2025-10-07')"
        " where customer_id = 'openai' and layer = 'net'"
    )
    behind = published_warehouse.rows(
        "select distinct source_id from provenance_of('openai-amd-6gw') order by source_id"
    )

    async def ask() -> None:
        async with _connect(warehouse_dir) as client:
            capacity = await _ask(client, "capacity_as_of", day="2025-10-07")
            assert capacity["release_id"] == release["release_id"]
            assert capacity["as_known_on"] == "2026-11-25"
            (net,) = [
                row
                for row in capacity["rows"]
                if row["customer_id"] == "openai" and row["layer"] == "net"
            ]
            assert net["total_gw_base"] == str(expected[0]["total_gw_base"])
            assert net["source_ids"] == expected[0]["source_ids"]
            assert set(net["source_ids"]) <= set(capacity["source_ids"])

            provenance = await _ask(client, "provenance_of", asked_deal_id="openai-amd-6gw")
            assert provenance["source_ids"] == [row["source_id"] for row in behind]

            first = await _ask(client, "deals_as_of", day="2026-11-25")
            assert (len(first["rows"]), first["has_more"]) == (MOST_ROWS, True)
            next_ones = await _ask(client, "deals_as_of", day="2026-11-25", offset=MOST_ROWS)
            names = [row["deal_id"] for row in (*first["rows"], *next_ones["rows"])]
            assert names == sorted(set(names))

            schedule = await _ask(client, "schedule_as_of", days=["2025-12-31", "2026-11-25"])
            assert {row["as_of_day"] for row in schedule["rows"]} == {"2025-12-31", "2026-11-25"}

            odd = await _ask(
                client,
                "query",
                sql="select 'a' || chr(27) || '[31m' as red, 'nan'::double as nan,"
                " 2.50::decimal(9, 2) as decimal, interval 1 day as span, 5 as source_ids",
            )
            assert odd["rows"] == [
                {"red": "a\\x1b[31m", "nan": "nan", "decimal": "2.50", "span": "1 day, 0:00:00", "source_ids": 5}
            ]
            assert odd["source_ids"] == []

            secrets = await _ask(client, "query", sql="from duckdb_secrets()")
            assert secrets["rows"] == []

            twice = await client.call_tool("query", {"sql": "select 1 as a, 2 as a"})
            assert "two columns are named a" in twice.content[0].text  # type: ignore[union-attr]
            no_day = await client.call_tool("capacity_as_of", {"day": "yesterday"})
            assert "a valid date" in no_day.content[0].text  # type: ignore[union-attr]

    anyio.run(ask)


def test_a_release_swapped_under_the_server_is_answered_from(tmp_path: Path) -> None:
    folder = make_warehouse(tmp_path / "swapped")

    def publish(hours: int) -> Release:
        return publish_release(
            folder / "work" / "gigaledger.duckdb",
            folder,
            make_origin(),
            now=NOON + timedelta(hours=hours),
            threads=1,
        )

    first = publish(0)
    with duckdb.connect(folder / "work" / "gigaledger.duckdb") as work:
        work.execute("update core.dim_deal set capacity_gw_base = 7 where deal_id = 'amd'")
        work.execute("update marts.capacity_by_customer set gross_gw_base = 11.5")
    seen: list[tuple[str, str]] = []
    published: list[Release] = []

    async def swap() -> None:
        published.append(await anyio.to_thread.run_sync(publish, 1))

    async def ask(client: Client) -> None:
        answer = await _ask(
            client, "query", sql="from core.dim_deal where deal_id = 'amd'"
        )
        seen.append((answer["release_id"], answer["rows"][0]["capacity_gw_base"]))

    async def read() -> None:
        async with _connect(folder) as client:
            await ask(client)
            async with anyio.create_task_group() as group:
                group.start_soon(swap)
                while not published:
                    await ask(client)
            await ask(client)

            file = folder / "gigaledger.duckdb"
            with file.open("r+b") as bytes_:
                bytes_.seek(-1, os.SEEK_END)
                last = bytes_.read(1)
                bytes_.seek(-1, os.SEEK_END)
                bytes_.write(bytes([last[0] ^ 1]))
            harmed = await client.call_tool("query", {"sql": "select 1"})
            assert harmed.is_error
            assert "is damaged" in harmed.content[0].text  # type: ignore[union-attr]

    anyio.run(read)
    assert seen[0] == (first.release_id, "6.000000000")
    assert seen[-1] == (published[0].release_id, "7.000000000")
    assert set(seen) == {seen[0], seen[-1]}


def test_a_client_starts_the_server_as_the_page_says(warehouse_dir: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
    block = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert block is not None
    told = json.loads(block[1])["mcpServers"]["gigaledger"]
    # What set-up leaves, with the Python of this test in it.
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / "venv" / ".ready").touch()

    async def ask() -> None:
        server = StdioServerParameters(
            command=told["command"],
            args=[
                *(str(ROOT) if text == "/path/to/gigaledger" else text for text in told["args"]),
                f"VENV={tmp_path / 'venv'}",
            ],
            cwd=tmp_path,
            env={"GIGALEDGER_WAREHOUSE": str(warehouse_dir)},
        )
        async with Client(server) as client:
            answer = await _ask(client, "query", sql="select 1 as one")
            assert answer["rows"] == [{"one": 1}]

    anyio.run(ask)


def test_without_a_release_the_server_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIGALEDGER_WAREHOUSE", str(tmp_path))

    assert mcp_server.main([]) == 1
    assert "run `make refresh` first" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        mcp_server.main(["--seconds", "0"])
    assert "a number above 0" in capsys.readouterr().err

"""An export opens in a spreadsheet as what it says: nothing in it runs, and nothing is lost."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import duckdb
import pytest

from orchestration import export as exports
from orchestration.export import export, main
from orchestration.release import Release

FORMULAS = [
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("https://example.org/?"&A1,"open")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd",
    "|calc",
    "%0a=1",
    "\uff1d1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\u00a0=1+1",
    "\ufeff=1+1",
    "\x00\x1f=1+1",
]
PLAIN = [
    "4.5 GW, of which 1 is firm",
    'the "Stargate" site; and others',
    "a = b",
    "one\ntwo",
    "東京 – Zürich",
    "",
]


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def _write(connection: duckdb.DuckDBPyConnection, tmp_path: Path, texts: list[str]) -> str:
    connection.execute("create table t as select unnest(?::varchar[]) as name", [texts])
    path = tmp_path / "t.csv"
    assert export(connection, "from t", path) == len(texts)
    return path.read_bytes().decode("utf-8-sig")


def _cut(written: str, separator: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written, newline=""), delimiter=separator))


@pytest.mark.parametrize("begin", ["", "a;", "a\t", "a\n", "a\r\n"], ids=repr)
def test_no_text_begins_a_formula_however_the_line_is_cut(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, begin: str
) -> None:
    texts = [f"{before}{begin}{text}" for text in FORMULAS for before in ("", 'b"')]
    written = _write(connection, tmp_path, texts)

    for separator in ",;\t":
        for cell in chain.from_iterable(_cut(written, separator)):
            for line in cell.splitlines():
                bare = line.lstrip(' \u00a0\ufeff\x00\x1f\t"')
                assert not bare.startswith(tuple("=+-@|%\uff1d")), (separator, cell)
    for text, (cell,) in zip(["name", *texts], _cut(written, ","), strict=True):
        assert cell.replace("'", "") == text.replace("'", "")


def test_other_texts_are_left_as_they_are(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    written = _write(connection, tmp_path, PLAIN)

    assert [cell for (cell,) in _cut(written, ",")] == ["name", *PLAIN]


def test_values_are_written_in_full(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "exports" / "t.csv"
    query = """
        select 1234567890123.05::decimal(20, 2) as a_usd, -0.000000001::decimal(18, 9) as b_gw,
            -1.3e15 as c, date '2026-11-25' as d_on, true as e, ['x-1', '=y'] as f_ids,
            ['=x'] as g_ids, null as h, sum(-1) as i, {'a': '=1'} as j, 0 as "=k"
    """

    export(connection, query, path)

    written = path.read_bytes()
    assert written.startswith(b"\xef\xbb\xbf") and written.endswith(b"\r\n")
    header, row = _cut(written.decode("utf-8-sig"), ",")
    assert header[:2] == ["a_usd", "b_gw"] and header[-1] == "'=k"
    assert row == [
        *(
            "1234567890123.05",
            "-0.000000001",
            "-1300000000000000.0",
            "2026-11-25",
            "true",
            "x-1 =y",
            "'=x",
        ),
        *("", "-1", "{'a': '=1'}", "0"),
    ]


def test_a_query_that_fails_leaves_the_last_file(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("before", encoding="utf-8")

    with pytest.raises(duckdb.Error):
        export(connection, "select error('no') from range(20000)", path)

    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_verb_writes_a_table_of_the_release(
    publish: Callable[..., Release],
    warehouse: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GIGALEDGER_WAREHOUSE", str(warehouse))
    assert main(["--table", "core.dim_deal"]) == 1
    assert "run `make refresh` first" in capsys.readouterr().err
    release = publish()
    monkeypatch.setattr(exports, "_MOST_ROWS", 1)

    assert main(["--table", "core.dim_deal"]) == 0
    out, err = capsys.readouterr()
    path = Path(out.strip())
    assert path == warehouse / "exports" / f"gigaledger-dim_deal-{release.release_id}.csv"
    assert "2 rows, of which Excel shows 1" in err
    assert _cut(path.read_bytes().decode("utf-8-sig"), ",")[1:] == [
        ["amd", "6.000000000", "c"],
        ["oracle", "4.500000000", "a b"],
    ]
    assert main(["--table", "core.deal"]) == 1
    assert 'Did you mean "dim_deal"' in capsys.readouterr().err
    assert main(["--sql", "copy core.dim_deal to 'x.csv'"]) == 1
    chosen = warehouse / "one.csv"
    assert main(["--sql", "select 1 as one; ", "--file", str(chosen)]) == 0
    assert chosen.read_bytes() == b"\xef\xbb\xbfone\r\n1\r\n"

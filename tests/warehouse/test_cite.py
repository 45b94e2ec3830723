"""A citation says what was cited, and later whether and why it changed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from orchestration import cite, explain
from orchestration.cite import FORMAT, CitationError, check, cite_cell, cite_query, read_citation
from orchestration.explain import to_json
from orchestration.query import open_release
from tests.warehouse.harness import ROOT, Warehouse, read_ledger

NET = ("marts.capacity_by_customer", {"customer_id": "openai", "layer": "net"}, "total_gw_base")
AS_OF = (
    "select total_gw_base, source_ids from capacity_as_of(date '2025-10-07')"
    " where customer_id = 'openai' and layer = 'net'"
)
PAPER = {
    "id": "later-paper",
    "publisher": "A paper",
    "title": "AMD and OpenAI agree on more",
    "url": "https://example.org/more",
    "published_on": "2026-11-20",
    "tier": "secondary",
    "read": "full",
}


@pytest.fixture(scope="module")
def connection(published_warehouse: Warehouse) -> DuckDBPyConnection:
    return published_warehouse.connection


def _through_a_file(citation: dict[str, Any], folder: Path) -> dict[str, Any]:
    file = folder / "citation.json"
    file.write_text(to_json(citation), encoding="utf-8")
    return read_citation(file)


def _expand_amd(ledger: dict[str, Any]) -> None:
    (deal,) = [deal for deal in ledger["deals"] if deal["id"] == "openai-amd-6gw"]
    deal["events"].append(
        {
            "known_on": "2026-11-20",
            "kind": "expanded",
            "commitment": "definitive",
            "capacity_gw": {"value": 8, "qualifier": "exact"},
            "sources": ["later-paper"],
        }
    )
    ledger["documents"].append(PAPER)


@pytest.fixture(scope="module")
def later(publish: Any) -> DuckDBPyConnection:
    """A release of the next hour, in which one deal grew."""
    ledger = copy.deepcopy(read_ledger(ROOT / "sources" / "ledger"))
    _expand_amd(ledger)
    return publish(ledger, hour=13).connection


def test_citation_of_a_cell_holds_its_range_and_documents(
    connection: DuckDBPyConnection, tmp_path: Path
) -> None:
    citation = _through_a_file(cite_cell(connection, *NET), tmp_path)
    assert citation["values"] == {
        "total_gw_low": "21.750000000",
        "total_gw_base": "21.750000000",
        "total_gw_high": "21.750000000",
    }
    assert citation["release_id"] == "20261125T120000Z-00000000"
    assert citation["as_known_on"] == "2026-11-25"
    assert "deal openai-amd-6gw" in citation["records"]
    assert all(document["publisher"] for document in citation["documents"])
    assert [str(value) for value in connection.execute(citation["query"]).fetchall()[0]] == [
        *citation["values"].values()
    ]


def test_unchanged_figure_is_said_to_be_so(connection: DuckDBPyConnection, tmp_path: Path) -> None:
    holds, lines = check(connection, _through_a_file(cite_cell(connection, *NET), tmp_path))
    assert holds
    assert lines[1].startswith("unchanged: total_gw_low 21.750000000")
    assert len(lines) == 2


def test_change_is_said_with_the_record_and_the_document(
    connection: DuckDBPyConnection, later: DuckDBPyConnection, tmp_path: Path
) -> None:
    holds, lines = check(later, _through_a_file(cite_cell(connection, *NET), tmp_path))
    assert not holds
    assert lines == [
        "cited from 20261125T120000Z-00000000, checked on 20261125T130000Z-00000000",
        "changed: total_gw_low was 21.750000000, is 23.750000000",
        "changed: total_gw_base was 21.750000000, is 23.750000000",
        "changed: total_gw_high was 21.750000000, is 23.750000000",
        "why: deal openai-amd-6gw says something else now",
        "why: document later-paper came to it: AMD and OpenAI agree on more, A paper,"
        " https://example.org/more",
    ]


def test_figure_as_of_an_earlier_day_is_unchanged_by_later_news(
    connection: DuckDBPyConnection, later: DuckDBPyConnection, tmp_path: Path
) -> None:
    citation = _through_a_file(cite_query(connection, AS_OF), tmp_path)
    holds, lines = check(later, citation)
    assert holds
    assert lines[1] == "unchanged: total_gw_base 16.000000000"
    assert "meanwhile: deal openai-amd-6gw says something else now" in lines


def test_figure_that_is_gone_is_said_to_be_gone(
    connection: DuckDBPyConnection, tmp_path: Path
) -> None:
    citation = cite_cell(connection, "core.dim_deal", {"deal_id": "xai-series-e"}, "value_usd_base")
    citation["key"] = {"deal_id": "never-was"}
    holds, lines = check(connection, _through_a_file(citation, tmp_path))
    assert not holds
    assert "gone: core.dim_deal has no row with deal_id never-was" in lines


def test_other_code_and_another_day_are_told_with_a_change(
    connection: DuckDBPyConnection, tmp_path: Path
) -> None:
    citation = cite_cell(connection, *NET) | {"git_revision": "b", "as_known_on": "2026-11-24"}
    citation["values"]["total_gw_base"] = "20.000000000"
    _, lines = check(connection, _through_a_file(citation, tmp_path))
    assert lines[1:] == [
        "changed: total_gw_base was 20.000000000, is 21.750000000",
        "why: as known on 2026-11-25, before on 2026-11-24",
        "why: the code is a, before b; a rule may be stated otherwise",
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select deal_id from core.dim_deal", "399 rows|rows; a citation is of one"),
        ("select nothing from core.dim_deal", "the query fails: .*nothing"),
    ],
    ids=["several rows", "no column"],
)
def test_query_that_cannot_be_cited_is_refused(
    connection: DuckDBPyConnection, query: str, message: str
) -> None:
    with pytest.raises(CitationError, match=message):
        cite_query(connection, query)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "cannot be read as a citation"),
        ('{"format": "other"}', "is no citation"),
        ("[]", "is no citation"),
        (json.dumps({"format": FORMAT, "query": "select 1"}), "lacks documents, records"),
    ],
    ids=["no json", "other format", "a list", "incomplete"],
)
def test_what_is_no_citation_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "citation.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CitationError, match=message):
        read_citation(file)


def test_commands_explain_cite_and_check(
    warehouse_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GIGALEDGER_WAREHOUSE", str(warehouse_dir))
    cell = ["marts.capacity_by_customer", "openai,net", "total_gw_base"]
    assert explain.main(cell) == 0
    assert "total_gw_base = 21.75" in capsys.readouterr().out
    assert explain.main([*cell, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cell"]["value"] == "21.750000000"

    assert cite.main(["cell", *cell]) == 0
    file = tmp_path / "openai.json"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert cite.main(["check", str(file)]) == 0
    assert "unchanged" in capsys.readouterr().out

    file.write_text(file.read_text(encoding="utf-8").replace("21.75", "20.75"), encoding="utf-8")
    assert cite.main(["check", str(file)]) == 1
    told = capsys.readouterr().out
    assert "changed: total_gw_base was 20.750000000, is 21.75" in told
    assert "the citation may have been edited" in told

    assert explain.main(["marts.nothing", "x", "y"]) == 1
    assert "no table marts.nothing" in capsys.readouterr().err
    assert cite.main(["query", "select 1 as one, [] as source_ids from core.dim_deal"]) == 2
    assert "a citation is of one" in capsys.readouterr().err


def test_a_citation_from_others_cannot_write_or_read_files(
    warehouse_dir: Path, connection: DuckDBPyConnection
) -> None:
    for query in (
        "delete from core.dim_deal",
        "select * from read_csv('README.md')",
        "copy core.dim_deal to 'stolen.csv'",
    ):
        citation = cite_query(connection, AS_OF) | {"query": query}
        with open_release(warehouse_dir / "gigaledger.duckdb") as opened:
            holds, lines = check(opened, citation)
        assert not holds
        assert any(line.startswith("gone: the query fails") for line in lines)

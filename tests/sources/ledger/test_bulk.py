"""JSON Lines and Parquet give what YAML gives, and refuse what YAML refuses."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.ledger.load import LedgerError, LedgerReport
from tests.sources.ledger.ledgers import (
    Records,
    list_rows,
    list_rules,
    load,
    make_records,
    read_tables,
    write_json_lines,
    write_parquet,
    write_yaml,
)

Deal = dict[str, Any]
Spoil = Callable[[Deal], Any]


def test_the_three_ways_in_give_the_same_tables(tmp_path: Path) -> None:
    records = make_records()
    as_yaml, _ = load(write_yaml(tmp_path / "yaml", records))
    lines = write_json_lines(tmp_path / "lines", records)
    as_lines, _ = load(lines)
    as_parquet, _ = load(write_parquet(tmp_path / "parquet", lines))
    assert read_tables(as_lines) == read_tables(as_yaml)
    assert read_tables(as_parquet) == read_tables(as_yaml)


def test_bulk_and_yaml_may_stand_side_by_side(tmp_path: Path) -> None:
    records = make_records()
    whole, _ = load(write_yaml(tmp_path / "whole", records))
    mixed = tmp_path / "mixed"
    write_yaml(mixed, {**records, "deals": records["deals"][:1], "documents": []})
    lines = write_json_lines(tmp_path / "lines", {"deals": records["deals"][1:]})
    write_parquet(mixed, lines)
    write_json_lines(mixed, {"documents": records["documents"]})
    loaded, report = load(mixed)
    assert report.quarantined == 0
    assert read_tables(loaded) == read_tables(whole)


def test_rows_name_their_file_and_line(tmp_path: Path) -> None:
    lines = write_json_lines(tmp_path / "lines", make_records())
    (lines / "deals.jsonl").write_text("\n\n" + (lines / "deals.jsonl").read_text())
    connection, _ = load(lines)
    places = "select distinct deal_id, file, line from raw_ledger.deal_event order by line"
    assert list_rows(connection, places) == [
        ("openai-oracle", "deals.jsonl", 3),
        ("oracle-nvidia", "deals.jsonl", 4),
    ]
    connection, _ = load(write_parquet(tmp_path / "parquet", lines))
    assert list_rows(connection, places) == [
        ("openai-oracle", "deals.parquet", 1),
        ("oracle-nvidia", "deals.parquet", 2),
    ]


def test_documents_may_stand_at_the_foot_of_a_deal(tmp_path: Path) -> None:
    records = make_records()
    records["deals"][0]["documents"] = records.pop("documents")
    lines = write_json_lines(tmp_path / "lines", records)
    connection, report = load(lines)
    assert report.quarantined == 0
    assert report.counts["document"].received == 3
    connection, report = load(write_parquet(tmp_path / "parquet", lines))
    assert report.quarantined == 0
    assert list_rows(connection, "select count(*) from raw_ledger.document") == [(3,)]


def test_a_refused_deal_leaves_the_documents_at_its_foot(tmp_path: Path) -> None:
    records = make_records()
    records["deals"][0].update(documents=records.pop("documents"), kind="cloud")
    _, report = load(write_json_lines(tmp_path, records))
    assert report.counts["document"].accepted == 3


SPOILT: list[tuple[str, Spoil]] = [
    ("unknown_word", lambda d: d.update(kind="cloud")),
    ("unknown_word", lambda d: d["events"][0].update(commitment=5)),
    ("unknown_field", lambda d: d.update(colour="red")),
    ("unknown_field", lambda d: d["events"][0].update(valu_usd=3)),
    ("unknown_field", lambda d: d["events"][1]["value_usd"]["original"].update(day="x")),
    ("unknown_field", lambda d: d["parties"][1].update(line=4)),
    ("unknown_field", lambda d: d["events"][1]["phases"][1]["capacity_gw"].update(unit="MW")),
    ("missing_field", lambda d: d.pop("title")),
    ("missing_field", lambda d: d.update(title=None)),
    ("missing_field", lambda d: d["events"][0].pop("sources")),
    ("missing_field", lambda d: d["events"][1]["phases"][1]["capacity_gw"].pop("qualifier")),
    ("missing_field", lambda d: d["parties"].append({})),
    ("missing_field", lambda d: d["parties"].append(None)),
    ("list", lambda d: d.update(events="soon")),
    ("list", lambda d: d.update(phases={})),
    ("list", lambda d: d["events"][0].update(sources="paper-1")),
    ("empty_list", lambda d: d.update(events=[])),
    ("empty_list", lambda d: d["events"][1].update(sources=[])),
    ("mapping", lambda d: d["events"].append("soon")),
    ("mapping", lambda d: d["events"][0].update(term="soon")),
    ("mapping", lambda d: d["events"][0].update(capacity_gw=4)),
    ("mapping", lambda d: d["events"][1]["phases"][0].update(capacity_gw=[1])),
    ("text", lambda d: d.update(title=5)),
    ("text", lambda d: d.update(title=" \n")),
    ("text", lambda d: d.update(title="a\u001bb")),
    ("text", lambda d: d.update(title="x" * 501)),
    ("id", lambda d: d.update(id="../../etc/passwd")),
    ("id", lambda d: d["events"][0].update(sources=["A paper"])),
    ("partial_date", lambda d: d["events"][0].update(known_on="2025-02-30")),
    ("partial_date", lambda d: d["events"][0].update(known_on="2025-13")),
    ("partial_date", lambda d: d["events"][0].update(known_on=20250722)),
    ("gigawatts", lambda d: d["events"][0]["capacity_gw"].update(value=4500)),
    ("gigawatts", lambda d: d["events"][1]["phases"][0].update(capacity_gw="1_000")),
    ("us_dollars", lambda d: d["events"][1]["value_usd"].update(value=300)),
    ("us_dollars", lambda d: d["events"][1]["value_usd"].update(value="much")),
    ("us_dollars", lambda d: d["events"][1]["value_usd"].update(value=1e300)),
    ("share", lambda d: d["parties"][1].update(share=20)),
    ("boolean", lambda d: d["events"][1]["value_usd"].update(conditional="yes")),
    ("currency", lambda d: d["events"][1]["value_usd"]["original"].update(currency="€")),
    ("range_without_bounds", lambda d: d["events"][0]["capacity_gw"].update(qualifier="range")),
    ("unknown_document", lambda d: d["events"][0].update(sources=["nothing"])),
]

Loaded = tuple[duckdb.DuckDBPyConnection, LedgerReport]


@pytest.fixture(scope="module")
def spoilt_lines(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """One file with a good deal between two spoilt ones each time."""
    records = make_records()
    good = records["deals"][1]
    records["deals"] = []
    for number, (rule, spoil) in enumerate(SPOILT):
        deal = make_records()["deals"][0]
        deal["id"] = f"spoilt-{number}"
        spoil(deal)
        records["deals"] += [deal, {**good, "id": f"good-{number}", "links": None}]
        assert rule
    return load(write_json_lines(tmp_path_factory.mktemp("lines"), records))


@pytest.mark.parametrize("number", range(len(SPOILT)), ids=lambda n: f"{n}-{SPOILT[n][0]}")
def test_a_spoilt_line_is_refused_and_the_next_one_is_not(
    number: int, spoilt_lines: Loaded
) -> None:
    connection, report = spoilt_lines
    line = 2 * number + 1
    assert {item.rule for item in report.refusals if item.line == line} == {SPOILT[number][0]}
    rows = list_rows(
        connection,
        f"select raw_text, message, remedy from raw_ledger.quarantine where line = {line}",
    )
    assert len(rows) == 1
    assert all(rows[0])
    assert list_rows(connection, f"from raw_ledger.deal where deal_id = 'good-{number}'")
    assert report.counts["deal"].quarantined == len(SPOILT)


def test_a_line_that_is_no_json_object_is_refused_with_its_text(tmp_path: Path) -> None:
    folder = write_json_lines(tmp_path, make_records())
    with (folder / "deals.jsonl").open("a") as file:
        file.write('{"id": "cut\n[1]\n"text"\n')
    connection, report = load(folder)
    assert [(item.line, item.rule) for item in report.refusals] == [
        (3, "broken_json"),
        (4, "broken_json"),
        (5, "broken_json"),
    ]
    assert report.counts["deal"].accepted == 2
    texts = list_rows(connection, "select raw_text from raw_ledger.quarantine order by line")
    assert texts == [('{"id": "cut',), ("[1]",), ('"text"',)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": "\xff"}',
        b'{"id": "\x00"}',
        b'{"id": "' + b"x" * 20_000_000 + b'"}',
        b'{"id": "a"}\x01\x02',
        b'{"id": "a"} {"id": "b"}',
    ],
    ids=["not-utf-8", "nul", "too-long", "rubbish-after", "two-in-a-line"],
)
def test_a_line_that_cannot_be_read_is_refused_and_the_others_are_not(
    line: bytes, tmp_path: Path
) -> None:
    folder = write_json_lines(tmp_path, make_records())
    good = (folder / "deals.jsonl").read_bytes()
    (folder / "deals.jsonl").write_bytes(line + b"\n" + good)
    connection, report = load(folder)
    assert [(item.line, item.rule) for item in report.refusals] == [(1, "broken_json")]
    assert report.counts["deal"].accepted == 2
    ((text,),) = list_rows(connection, "select raw_text from raw_ledger.quarantine")
    assert '{"id": "' in text
    assert len(text) <= 4_001
    assert "\x00" not in text


def test_a_file_that_is_no_parquet_is_one_record_refused(tmp_path: Path) -> None:
    lines = write_json_lines(tmp_path / "lines", make_records())
    folder = write_parquet(tmp_path / "parquet", lines)
    (folder / "tokens.parquet").write_bytes(b"not at all")
    _, report = load(folder)
    assert {(item.file, item.rule) for item in report.refusals} == {
        ("tokens.parquet", "broken_parquet")
    }
    assert report.counts["token_observation"].received == 1


def test_figures_in_quotes_stay_exact(tmp_path: Path) -> None:
    records = make_records()
    records["tokens"][0]["tokens"]["value"] = "123456789012345678901.125"
    records["capex"][0]["amount_usd"]["value"] = "12345678901234.56"
    connection, _ = load(write_json_lines(tmp_path, records))
    assert list_rows(
        connection, "select tokens_value::varchar from raw_ledger.token_observation"
    ) == [("123456789012345678901.125",)]
    assert list_rows(connection, "select amount_value::varchar from raw_ledger.capex") == [
        ("12345678901234.56",)
    ]


def test_a_column_of_parquet_that_is_not_known_refuses_the_rows_that_fill_it(
    tmp_path: Path,
) -> None:
    records = make_records()
    records["deals"][0]["colour"] = "red"
    records["deals"][1]["events"][0]["mood"] = "good"
    records["organizations"][2]["founded"] = {"year": 1993}
    lines = write_json_lines(tmp_path / "lines", records)
    _, report = load(write_parquet(tmp_path / "parquet", lines))
    assert {item for item in list_rules(report) if item[2] == "unknown_field"} == {
        ("deal", "openai-oracle", "unknown_field"),
        ("deal", "oracle-nvidia", "unknown_field"),
        ("organization", "nvidia", "unknown_field"),
    }


def test_a_column_of_parquet_of_another_shape_refuses_its_rows(tmp_path: Path) -> None:
    lines = write_json_lines(tmp_path / "lines", make_records())
    folder = write_parquet(tmp_path / "parquet", lines)
    with duckdb.connect() as connection:
        connection.execute(
            f"create table deal as from '{folder}/deals.parquet';"
            " alter table deal alter parties type varchar;"
            f" copy deal to '{folder}/deals.parquet'"
        )
    _, report = load(folder)
    rules = {item.rule for item in report.refusals if item.record_kind == "deal"}
    assert rules == {"list"}
    assert report.counts["deal"].quarantined == 2


def test_days_and_decimals_of_parquet_are_taken_as_they_are(tmp_path: Path) -> None:
    folder = write_parquet(tmp_path / "p", write_json_lines(tmp_path / "l", make_records()))
    with duckdb.connect() as connection:
        connection.execute(
            f"create table row as from '{folder}/tokens.parquet';"
            " alter table row alter known_on type date;"
            " alter table row alter tokens type struct(value decimal(38, 3), qualifier varchar);"
            f" copy row to '{folder}/tokens.parquet'"
        )
    connection, report = load(folder)
    assert report.quarantined == 0
    assert list_rows(
        connection, "select known_on, tokens_value::varchar from raw_ledger.token_observation"
    ) == [("2025-10-06", "6000000000.000")]


def test_a_folder_without_deals_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="GIGALEDGER_LEDGER"):
        load(tmp_path)


_PATHS: list[tuple[str | int, ...]] = [
    ("title",),
    ("kind",),
    ("notes",),
    ("confidence",),
    ("parties",),
    ("parties", 0),
    ("parties", 0, "org"),
    ("parties", 1, "share"),
    ("events",),
    ("events", 0, "known_on"),
    ("events", 0, "capacity_gw"),
    ("events", 0, "capacity_gw", "value"),
    ("events", 0, "capacity_gw", "qualifier"),
    ("events", 0, "sources"),
    ("events", 0, "sources", 0),
    ("events", 1, "capacity_note"),
    ("events", 1, "value_usd", "value"),
    ("events", 1, "value_usd", "cash"),
    ("events", 1, "value_usd", "original"),
    ("events", 1, "term"),
    ("events", 1, "term", "starts"),
    ("events", 1, "term", "years"),
    ("events", 1, "phases"),
    ("events", 1, "phases", 0, "seq"),
    ("events", 1, "phases", 0, "capacity_gw"),
    ("events", 1, "phases", 1, "capacity_gw"),
    ("phases", 0, "starts"),
    ("links",),
    ("new",),
]

_VALUES: list[Any] = [
    *(None, True, False, -3, 0, 1, 7, 2025, 12_000, 10**15, 0.5, 1e12, 2e15, 1e-12),
    *("", " ", "text", "5", "-1", "true", "exact", "range", "openai", "paper-1", "a b", "é"),
    *("2025", "2025-07", "2027-Q3", "2025-02-30", "2024-02-29", "2025-07-22 00:00:00"),
    *([], {}, ["paper-1"], ["paper-1", "paper-1"], [1], [None], [{}], [[]], {"value": 1}),
    {"value": 1, "qualifier": "exact"},
]


def _make_mutants() -> list[Deal]:
    """A good deal with one change each: every value at every place."""
    mutants = []
    for path in _PATHS:
        for value in _VALUES:
            deal = make_records()["deals"][0]
            deal["id"] = f"mutant-{len(mutants)}"
            node: Any = deal
            for step in path[:-1]:
                node = node[step]
            node[path[-1]] = copy.deepcopy(value)
            mutants.append(deal)
    return mutants


def test_yaml_and_json_lines_accept_the_same_deals(tmp_path: Path) -> None:
    mutants = _make_mutants()
    records: Records = {**make_records(), "deals": mutants}
    as_yaml, _ = load(write_yaml(tmp_path / "yaml", records))
    as_lines, report = load(write_json_lines(tmp_path / "lines", records))
    accepted = "select deal_id from raw_ledger.deal"
    yaml_ids = {row[0] for row in list_rows(as_yaml, accepted)}
    line_ids = {row[0] for row in list_rows(as_lines, accepted)}
    told = {item.record_id: item for item in report.refusals}
    differing = {
        (name in yaml_ids, told.get(name), _name_change(mutants[int(name.split("-")[1])]))
        for name in yaml_ids ^ line_ids
    }
    assert differing == set()
    assert 100 < len(yaml_ids) < len(mutants) / 2
    assert read_tables(as_lines) == read_tables(as_yaml)


def _name_change(deal: Deal) -> str:
    number = int(deal["id"].split("-")[1])
    return f"{_PATHS[number // len(_VALUES)]} = {_VALUES[number % len(_VALUES)]!r}"

"""Bytes of one file to records and refusals."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sources.ledger import parse
from sources.ledger.parse import Mapping, YamlRefused, load_yaml, parse_file
from tests.sources.ledger.ledgers import make_records

DEAL = """\
# yaml-language-server: $schema=../schemas/deal.schema.json
id: a-deal
title: Somebody rents something
kind: cloud_services
parties:
  - {org: openai, role: customer}
events:
  - known_on: 2025-10-06
    kind: signed
    commitment: definitive
    capacity_gw:
      value: 6
      qualifier: exact
    sources: [a-paper]
confidence: high
documents:
  - id: a-paper
    publisher: A paper
    title: Its report
    tier: secondary
    read: full
"""


def parse_deal(text: str, name: str = "a-deal") -> parse.ParsedFile:
    return parse_file(text.encode(), file=f"deals/{name}.yml", folder="deals")


def refuse(text: bytes | str) -> YamlRefused:
    with pytest.raises(YamlRefused) as caught:
        load_yaml(text.encode() if isinstance(text, str) else text)
    return caught.value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("NO", "NO"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("tRue", "tRue"),
        ("~", None),
        ("null", None),
        ("", None),
        ("480e12", Decimal("480e12")),
        ("1.0e+11", Decimal("1.0e+11")),
        ("-.5", Decimal("-.5")),
        ("5.", Decimal(5)),
        ("0o17", Decimal(15)),
        ("0x1F", Decimal(31)),
        ("017", Decimal(17)),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1e", "1e"),
        ("+", "+"),
        ("2025-10-06", "2025-10-06"),
        ("2026-H2", "2026-H2"),
        ("'480e12'", "480e12"),
        ('"true"', "true"),
        ("=", "="),
    ],
)
def test_plain_words_are_read_by_the_core_schema_of_yaml_1_2(written: str, value: Any) -> None:
    assert load_yaml(f"a: {written}".encode()) == {"a": value}


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_every_digit(number: Decimal) -> None:
    written = str(number)
    value = load_yaml(f"a: {written}".encode())["a"]
    assert isinstance(value, Decimal)
    assert value.as_tuple() == number.as_tuple()


def test_a_merge_key_is_a_key_like_any_other() -> None:
    assert load_yaml(b"{<<: 1}") == {"<<": Decimal(1)}


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("a: 1\nb: 2\na: 3", "duplicate_key", 3),
        ("a: {b: 1, b: 1}", "duplicate_key", 1),
        ("a: &x 1\nb: *x", "anchor", 1),
        ("a: 1\nb: *x", "alias", 2),
        ("a: !!python/object/apply:os.system [ls]", "tag", 1),
        ("a: !!str 1", "tag", 1),
        ("a: ! 1", "tag", 1),
        ("a: 1\n---\nb: 2", "documents", 2),
        ("%YAML 1.1\n---\na: on", "directive", 1),
        ("", "empty", 1),
        ("# nothing but a comment", "empty", 1),
        ("a: [1, 2", "broken_yaml", 2),
        ("a: 1\n b: 2", "broken_yaml", 2),
        ("a:\n\t- 1", "broken_yaml", 2),
        ("a: 1\nb: \x00", "character", 2),
        ("a: x\u2028b: y", "character", 1),
        ("a: \x07", "broken_yaml", 1),
        ("[a]: 1", "key", 1),
        ("{a: 1}: 1", "key", 1),
        (b"a: 1\nb: \xff", "encoding", 2),
        ("a: 1".encode("utf-16"), "encoding", 1),
        ("a: " + "[" * 500 + "]" * 500, "depth", 1),
        ("[" * 100_000, "broken_yaml", 1),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_plain_document_is_refused_with_its_line(
    text: str | bytes, rule: str, line: int
) -> None:
    error = refuse(text)
    assert (error.rule, error.line) == (rule, line)
    assert error.message
    assert error.remedy


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    assert refuse(bomb).rule == "anchor"


def test_a_byte_order_mark_and_dos_line_ends_are_read() -> None:
    data = b"\xef\xbb\xbf" + DEAL.replace("\n", "\r\n").encode()
    parsed = parse_file(data, file="deals/a-deal.yml", folder="deals")
    assert [record.line for record in parsed.records] == [2, 17]


def test_a_very_long_line_is_read_in_full_and_refused_for_its_length() -> None:
    parsed = parse_deal(DEAL.replace("Somebody rents something", "x" * 2_000_000))
    (refusal,) = parsed.refusals
    assert (refusal.rule, refusal.field, refusal.line) == ("text", "title", 3)
    assert refusal.raw_text is not None
    assert len(refusal.raw_text) < 5_000
    assert len(refusal.message) < 500


@settings(max_examples=200)
@given(st.binary(max_size=60))
@example(b"? a\n: b")
@example(b"a: |\n  x\n")
@example(b"- - - a")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        load_yaml(data)
    except YamlRefused as error:
        assert error.line >= 1


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_file_is_counted_whatever_is_left_of_it(data: st.DataObject) -> None:
    text = bytearray(DEAL.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place] = data.draw(st.integers(0, 255))
    parsed = parse_file(bytes(text), file="deals/a-deal.yml", folder="deals")
    refused = sum(parsed.refused_count.values())
    assert len(parsed.records) + refused >= 1
    assert len({(item.record_kind, item.record_line) for item in parsed.refusals}) == refused


def test_the_scanner_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with_libyaml = parse_deal(DEAL)
    monkeypatch.setattr(parse, "_Loader", yaml.SafeLoader)
    without = parse_deal(DEAL)
    assert without == with_libyaml
    assert [record.last_line for record in without.records] == [
        record.last_line for record in with_libyaml.records
    ]


def test_mappings_know_their_lines_and_those_of_their_keys() -> None:
    tree = load_yaml(DEAL.encode())
    event = tree["events"][0]
    assert (tree.line, tree.last_line) == (2, 21)
    assert (event.line, event.last_line) == (8, 14)
    assert event.key_lines["capacity_gw"] == 11
    assert (tree["parties"][0].line, tree["parties"][0].last_line) == (6, 6)
    assert isinstance(event["capacity_gw"], Mapping)
    assert event["capacity_gw"].key_lines["qualifier"] == 13


def test_a_deal_and_the_documents_at_its_foot_are_records_of_their_own() -> None:
    parsed = parse_deal(DEAL)
    assert [(r.kind, r.id, r.line, r.last_line) for r in parsed.records] == [
        ("deal", "a-deal", 2, 21),
        ("document", "a-paper", 17, 21),
    ]
    assert parsed.refusals == ()


def test_a_refused_deal_leaves_its_documents() -> None:
    parsed = parse_deal(DEAL.replace("cloud_services", "cloud_servces"))
    assert [record.id for record in parsed.records] == ["a-paper"]
    (refusal,) = parsed.refusals
    assert (refusal.record_kind, refusal.record_id, refusal.line) == ("deal", "a-deal", 4)
    assert (refusal.field, refusal.rule) == ("kind", "unknown_word")
    assert "found 'cloud_servces'; allowed is one of compute_supply" in refusal.message
    assert refusal.remedy == "did you mean cloud_services?"
    assert refusal.raw_text is not None
    assert refusal.raw_text.startswith("id: a-deal")
    assert parsed.refused_count == {"deal": 1}


def test_a_refused_document_leaves_its_deal_and_the_others() -> None:
    text = DEAL + "  - {id: b-paper, publisher: B, title: B, tier: first, read: full}\n"
    parsed = parse_deal(text)
    assert [record.id for record in parsed.records] == ["a-deal", "a-paper"]
    (refusal,) = parsed.refusals
    assert (refusal.record_kind, refusal.line, refusal.field) == ("document", 22, "tier")
    assert refusal.raw_text == text.splitlines()[-1]


@pytest.mark.parametrize(
    ("old", "new", "field", "rule", "line"),
    [
        ("title: Somebody rents something\n", "", "title", "missing_field", 2),
        ("Somebody rents something", "", "title", "missing_field", 3),
        ("Somebody rents something", "' '", "title", "text", 3),
        ("Somebody rents something", "2025", "title", "text", 3),
        ("Somebody rents something", '"a\\eb"', "title", "text", 3),
        ("title:", "titel:", "title", "missing_field", 2),
        ("id: a-deal", "id: another", "id", "id_is_file_name", 2),
        ("id: a-deal", "id: ../../etc/passwd", "id", "id", 2),
        ("id: a-deal", "id: A_Deal", "id", "id", 2),
        ("2025-10-06", "2025-02-30", "events[0].known_on", "partial_date", 8),
        ("2025-10-06", "06.10.2025", "events[0].known_on", "partial_date", 8),
        ("2025-10-06", "2025-13", "events[0].known_on", "partial_date", 8),
        ("2025-10-06", "2025-Q5", "events[0].known_on", "partial_date", 8),
        ("2025-10-06", "20251006", "events[0].known_on", "partial_date", 8),
        ("value: 6", "value: 6000", "events[0].capacity_gw.value", "gigawatts", 12),
        ("value: 6", "value: -6", "events[0].capacity_gw.value", "gigawatts", 12),
        ("value: 6", "value: .nan", "events[0].capacity_gw.value", "gigawatts", 12),
        ("value: 6", "value: 1e999999999", "events[0].capacity_gw.value", "gigawatts", 12),
        ("value: 6", "value: 1e-999999999", "events[0].capacity_gw.value", "gigawatts", 12),
        ("value: 6", "value: six", "events[0].capacity_gw.value", "gigawatts", 12),
        ("value: 6", "vaule: 6", "events[0].capacity_gw.vaule", "unknown_field", 12),
        (
            "qualifier: exact",
            "qualifier: yes",
            "events[0].capacity_gw.qualifier",
            "unknown_word",
            13,
        ),
        ("[a-paper]", "[]", "events[0].sources", "empty_list", 14),
        ("[a-paper]", "a-paper", "events[0].sources", "list", 14),
        ("role: customer", "role: buyer", "parties[0].role", "unknown_word", 6),
        ("role: customer", "role: customer, share: 20", "parties[0].share", "share", 6),
        ("  - {org: openai, role: customer}", "  - openai", "parties[0]", "mapping", 6),
        ("confidence: high", "confidence: [high]", "confidence", "unknown_word", 15),
    ],
)
def test_a_bad_field_is_refused_with_line_rule_and_remedy(
    old: str, new: str, field: str, rule: str, line: int
) -> None:
    assert old in DEAL
    refusals = parse_deal(DEAL.replace(old, new, 1)).refusals
    assert (field, rule, line) in [(item.field, item.rule, item.line) for item in refusals]
    for refusal in refusals:
        assert refusal.message
        assert refusal.remedy


def test_all_problems_of_a_record_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = DEAL.replace("cloud_services", "cloud").replace("value: 6", "value: 6000")
    parsed = parse_deal(text)
    assert [(item.line, item.rule) for item in parsed.refusals] == [
        (4, "unknown_word"),
        (12, "gigawatts"),
    ]
    assert parsed.refused_count == {"deal": 1}


def test_a_megawatt_figure_is_told_to_be_one() -> None:
    (refusal,) = parse_deal(DEAL.replace("value: 6", "value: 6000")).refusals
    assert "megawatts?" in refusal.remedy


def test_dollars_in_billions_are_told_to_be_so() -> None:
    value = "    value_usd: {value: 300, qualifier: about}\n    sources"
    (refusal,) = parse_deal(DEAL.replace("    sources", value)).refusals
    assert refusal.rule == "us_dollars"
    assert "300e9" in refusal.remedy


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://example.org/a",
        "https://",
        "https:// example.org",
        "example.org/a",
        "//example.org/a",
        '"https://example.org/\\ta"',
        '"https://example.org/<script>"',
    ],
)
def test_only_addresses_of_web_pages_are_taken(url: str) -> None:
    (refusal,) = parse_deal(DEAL + f"    url: {url}\n").refusals
    assert (refusal.field, refusal.rule) == ("url", "url")


def test_a_file_that_is_no_yaml_is_one_record_refused_with_what_stood_there() -> None:
    parsed = parse_deal("id: a-deal\ntitle: [x\n")
    (refusal,) = parsed.refusals
    assert (refusal.record_kind, refusal.record_id) == ("deal", "a-deal")
    assert refusal.rule == "broken_yaml"
    assert refusal.raw_text is not None
    assert "title: [x" in refusal.raw_text
    assert parsed.refused_count == {"deal": 1}


SERIES = """\
observations:
  - {id: good, org: o, scope: api, measure: processed, level: router, basis: stated,
     period: {kind: day, of: 2025-01-01}, tokens: {value: 1e9, qualifier: exact},
     known_on: 2025-01-02, sources: [p], confidence: low}
  - {id: bad, org: o}
  - nothing
documents:
  - {id: p, publisher: P, title: T, tier: primary, read: full}
"""


def test_a_series_loses_only_its_broken_records() -> None:
    parsed = parse_file(SERIES.encode(), file="tokens/o.yml", folder="tokens")
    assert [record.id for record in parsed.records] == ["good", "p"]
    assert parsed.refused_count == {"token_observation": 2}
    assert {(item.record_id, item.line) for item in parsed.refusals} == {("bad", 5), (None, 6)}


@pytest.mark.parametrize(
    ("text", "rule", "counts"),
    [
        ("observation: []", "missing_field", {"token_observation": 1}),
        ("observations: []\nnotes: x", "unknown_field", {"token_observation": 1}),
        ("observations: none", "list", {"token_observation": 1}),
        ("observations:", "list", {"token_observation": 1}),
        ("observations: []\ndocuments: {}", "list", {"document": 1}),
        ("- 1", "mapping", {"token_observation": 1}),
        ("text", "mapping", {"token_observation": 1}),
    ],
)
def test_a_series_of_the_wrong_shape_is_refused_and_counted(
    text: str, rule: str, counts: dict[str, int]
) -> None:
    parsed = parse_file(text.encode(), file="tokens/o.yml", folder="tokens")
    assert [item.rule for item in parsed.refusals] == [rule]
    assert parsed.refused_count == counts


def test_every_kind_of_record_is_accepted() -> None:
    for folder, rows in make_records().items():
        list_key = parse.FOLDERS[folder].list_key
        for row in rows:
            tree = row if list_key is None else {list_key: [row]}
            data = json.dumps(tree).encode()
            parsed = parse_file(data, file=f"{folder}/{row.get('id')}.yml", folder=folder)
            assert parsed.refusals == ()
            assert len(parsed.records) == 1


def test_a_number_may_stand_for_an_exact_capacity_of_a_phase() -> None:
    parsed = parse_deal(DEAL + "phases:\n  - {seq: 1, capacity_gw: 0.25}\n")
    deal = parsed.records[0].model
    assert deal.model_dump()["phases"][0]["capacity_gw"]["value"] == Decimal("0.25")
    assert deal.model_dump()["phases"][0]["capacity_gw"]["qualifier"] == "exact"


def test_a_record_cannot_be_changed() -> None:
    deal = parse_deal(DEAL).records[0].model
    with pytest.raises(ValueError, match="frozen"):
        deal.title = "Another"  # type: ignore[attr-defined]

"""What must hold between the fields of a record and between records."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.ledger.load import LedgerReport
from sources.ledger.vocabulary import Relation
from tests.sources.ledger.ledgers import (
    Records,
    list_rows,
    list_rules,
    load,
    load_yaml_records,
    make_records,
)

Spoil = Callable[[Records], Any]
Loaded = tuple[duckdb.DuckDBPyConnection, LedgerReport]


def _event(records: Records, number: int = 0) -> dict[str, Any]:
    event: dict[str, Any] = records["deals"][0]["events"][number]
    return event


def test_a_good_ledger_is_accepted_whole(tmp_path: Path) -> None:
    connection, report = load_yaml_records(tmp_path, make_records())
    assert report.refusals == ()
    assert report.warnings == ()
    assert report.quarantined == 0
    assert {kind: count.accepted for kind, count in report.counts.items()} == {
        "organization": 3,
        "document": 3,
        "deal": 2,
        "claim": 1,
        "assumption": 1,
        "scenario": 1,
        "token_observation": 1,
        "capex": 1,
        "deal_link": 1,
    }
    assert list_rows(connection, "from raw_ledger.quarantine") == []


DEAL_RULES: list[tuple[str, Spoil]] = [
    ("quantity_without_figure", lambda r: _event(r).update(capacity_gw={"qualifier": "about"})),
    ("range_without_bounds", lambda r: _event(r)["capacity_gw"].update(qualifier="range")),
    ("half_a_range", lambda r: _event(r)["capacity_gw"].update(low=4)),
    ("bounds_reversed", lambda r: _event(r)["capacity_gw"].update(low=5, high=4)),
    ("value_outside_bounds", lambda r: _event(r)["capacity_gw"].update(low=1, high=2)),
    ("range_without_bounds", lambda r: _event(r, 1)["value_usd"].update(qualifier="range")),
    ("half_a_range", lambda r: _event(r, 1)["online_gw"].update(high=4)),
    (
        "bounds_reversed",
        lambda r: _event(r, 1)["phases"][1]["capacity_gw"].update(low=2, high=1),
    ),
    (
        "quantity_without_figure",
        lambda r: r["deals"][0].update(
            links=[
                {"to": "oracle-nvidia", "relation": "funds", "shared_gw": {"qualifier": "exact"}}
            ]
        ),
    ),
    ("events_out_of_order", lambda r: _event(r).update(known_on="2026-01-01")),
    ("cancelled_event", lambda r: _event(r).update(kind="cancelled")),
    ("period_reversed", lambda r: _event(r, 1)["term"].update(ends="2026-12-31")),
    ("period_reversed", lambda r: r["deals"][0]["phases"][0].update(ends="2025-H2")),
    ("phase_twice", lambda r: _event(r, 1)["phases"][1].update(seq=1)),
    (
        "party_twice",
        lambda r: r["deals"][0]["parties"].append({"org": "oracle", "role": "cloud_provider"}),
    ),
    (
        "shares_above_one",
        lambda r: r["deals"][0]["parties"].append(
            {"org": "nvidia", "role": "cloud_provider", "share": 0.5}
        ),
    ),
    (
        "part_of_and_overlaps",
        lambda r: r["deals"][0].update(
            links=[
                {"to": "oracle-nvidia", "relation": "part_of"},
                {"to": "oracle-nvidia", "relation": "overlaps"},
            ]
        ),
    ),
    (
        "link_twice",
        lambda r: r["deals"][0].update(
            links=[{"to": "oracle-nvidia", "relation": "funds"}] * 2,
        ),
    ),
    ("known_in_the_future", lambda r: _event(r, 1).update(known_on="2026-12")),
    ("unknown_organization", lambda r: r["deals"][0]["parties"][0].update(org="nobody")),
    ("unknown_document", lambda r: _event(r)["sources"].append("nothing")),
]


@pytest.fixture(scope="module")
def spoilt_deals(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """One ledger with a pair of deals for each rule: a spoilt one, and one that links to it."""
    records = make_records()
    records["deals"] = []
    for number, (_, spoil) in enumerate(DEAL_RULES):
        case = make_records()
        spoil(case)
        text = json.dumps(case["deals"])
        text = text.replace("openai-oracle", f"spoilt-{number}")
        records["deals"] += json.loads(text.replace("oracle-nvidia", f"linking-{number}"))
    return load_yaml_records(tmp_path_factory.mktemp("deals"), records)


@pytest.mark.parametrize("number", range(len(DEAL_RULES)), ids=lambda n: f"{n}-{DEAL_RULES[n][0]}")
def test_a_deal_that_breaks_a_rule_is_refused_and_the_link_to_it(
    number: int, spoilt_deals: Loaded
) -> None:
    connection, report = spoilt_deals
    spoilt, linking = f"spoilt-{number}", f"linking-{number}"
    assert {item for item in list_rules(report) if item[1] in (spoilt, linking)} == {
        ("deal", spoilt, DEAL_RULES[number][0]),
        ("deal_link", linking, "link_to_nowhere"),
    }
    assert list_rows(connection, f"from raw_ledger.deal where deal_id = '{linking}'")
    for table in ("deal", "deal_event", "deal_party", "deal_phase", "deal_link"):
        assert not list_rows(connection, f"from raw_ledger.{table} where deal_id = '{spoilt}'")


OTHER_RULES: list[tuple[str, str, Spoil]] = [
    (
        "claims",
        "period_reversed",
        lambda r: r["claims"][0].update(span={"from": "2025", "to": "2024"}),
    ),
    ("claims", "unknown_document", lambda r: r["claims"][0].update(disputed_by=["nothing"])),
    ("claims", "unknown_document", lambda r: r["claims"][0].update(sources=["nothing"])),
    ("claims", "unknown_organization", lambda r: r["claims"][0].update(said_by="nobody")),
    ("claims", "unknown_organization", lambda r: r["claims"][0].update(org="nobody")),
    ("claims", "known_in_the_future", lambda r: r["claims"][0].update(known_on="2027")),
    ("claims", "half_a_range", lambda r: r["claims"][0]["claimed"].update(low=1)),
    ("tokens", "cumulative_period", lambda r: r["tokens"][0]["period"].update(kind="cumulative")),
    ("tokens", "cumulative_period", lambda r: r["tokens"][0]["period"].update(to="2025-10-07")),
    ("tokens", "unknown_organization", lambda r: r["tokens"][0].update(org="nobody")),
    ("tokens", "unknown_document", lambda r: r["tokens"][0].update(sources=["nothing"])),
    ("tokens", "known_in_the_future", lambda r: r["tokens"][0].update(known_on="2027")),
    ("tokens", "bounds_reversed", lambda r: r["tokens"][0]["tokens"].update(low=2, high=1)),
    ("capex", "guidance_without_period", lambda r: r["capex"][0].update(kind="capex_guidance")),
    ("capex", "actual_without_period", lambda r: r["capex"][0].update(period_end=None)),
    ("capex", "unknown_organization", lambda r: r["capex"][0].update(org="nobody")),
    ("capex", "unknown_document", lambda r: r["capex"][0].update(sources=["nothing"])),
    ("capex", "quantity_without_figure", lambda r: r["capex"][0]["amount_usd"].update(value=None)),
]


@pytest.fixture(scope="module")
def spoilt_records(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """One ledger with a spoilt record for each rule beside the good ones."""
    records = make_records()
    for number, (folder, _, spoil) in enumerate(OTHER_RULES):
        case = make_records()
        spoil(case)
        records[folder].append({**case[folder][0], "id": f"spoilt-{number}"})
    return load_yaml_records(tmp_path_factory.mktemp("others"), records)


@pytest.mark.parametrize(
    "number", range(len(OTHER_RULES)), ids=lambda n: "-".join(OTHER_RULES[n][:2])
)
def test_a_record_that_breaks_a_rule_is_refused_alone(number: int, spoilt_records: Loaded) -> None:
    _, report = spoilt_records
    own = {item.rule for item in report.refusals if item.record_id == f"spoilt-{number}"}
    assert own == {OTHER_RULES[number][1]}
    assert report.quarantined == len(OTHER_RULES)


@pytest.mark.parametrize(
    ("rule", "spoil"),
    [
        ("assumption_without_document", lambda r: r["assumptions"][0].update(basis="stated")),
        ("bounds_reversed", lambda r: r["assumptions"][0].update(low=7e10, high=6e10)),
        ("value_outside_bounds", lambda r: r["assumptions"][0].update(value=7e10)),
        ("unknown_organization", lambda r: r["assumptions"][0].update(org="nobody")),
        ("known_in_the_future", lambda r: r["assumptions"][0].update(known_on="2027")),
    ],
)
def test_a_refused_assumption_takes_the_scenario_with_it(
    rule: str, spoil: Spoil, tmp_path: Path
) -> None:
    records = make_records()
    spoil(records)
    _, report = load_yaml_records(tmp_path, records)
    rules = {(item.record_kind, item.rule) for item in report.refusals}
    assert ("assumption", rule) in rules
    assert ("scenario", "unknown_assumption") in rules
    assert report.quarantined == 2


@pytest.mark.parametrize(
    ("rule", "spoil"),
    [
        ("assumption_without_bound", lambda r: r["assumptions"][0].update(low=None, high=None)),
        ("prompt_without_tokens", lambda r: r["scenarios"][0]["low"].update(tokens_per_prompt=5)),
        (
            "prompt_without_tokens",
            lambda r: r["scenarios"][0]["low"].update(transform="watt_hours_a_prompt"),
        ),
        ("unknown_assumption", lambda r: r["scenarios"][0]["high"].update(assumption="none")),
    ],
)
def test_a_scenario_that_cannot_be_computed_is_refused(
    rule: str, spoil: Spoil, tmp_path: Path
) -> None:
    records = make_records()
    spoil(records)
    connection, report = load_yaml_records(tmp_path, records)
    assert {(item.record_kind, item.rule) for item in report.refusals} == {("scenario", rule)}
    assert list_rows(connection, "from raw_ledger.scenario") == []


def test_the_first_of_two_records_with_one_id_is_kept(tmp_path: Path) -> None:
    records = make_records()
    records["documents"].append({**records["documents"][0], "title": "Again", "url": None})
    records["tokens"].append({**records["tokens"][0], "basis": "derived"})
    records["scenarios"].append(records["scenarios"][0])
    connection, report = load_yaml_records(tmp_path, records)
    assert {(item.record_kind, item.rule) for item in report.refusals} == {
        ("document", "duplicate_id"),
        ("token_observation", "duplicate_id"),
        ("scenario", "duplicate_id"),
    }
    assert report.quarantined == 3
    titles = list_rows(
        connection, "select title from raw_ledger.document where source_id = 'paper-1'"
    )
    assert titles == [("Report 1",)]
    assert "documents/all.yml:1" in report.refusals[0].message


def test_a_document_described_under_two_ids_names_the_first(tmp_path: Path) -> None:
    records = make_records()
    again = {**records["documents"][2], "id": "paper-9", "url": "http://www.EXAMPLE.org/3/"}
    records["documents"].append(again)
    _, report = load_yaml_records(tmp_path, records)
    (refusal,) = report.refusals
    assert (refusal.record_id, refusal.rule) == ("paper-9", "document_described_twice")
    assert "paper-3" in refusal.message


def test_a_refused_document_takes_with_it_what_cites_it_and_no_more(tmp_path: Path) -> None:
    records = make_records()
    records["documents"][2]["tier"] = "first"
    _, report = load_yaml_records(tmp_path, records)
    assert list_rules(report) == {
        ("document", "paper-3", "unknown_word"),
        ("deal", "oracle-nvidia", "unknown_document"),
        ("capex", "oracle-2026q3", "unknown_document"),
    }
    # The link went with its deal and is not counted on its own.
    assert report.counts["deal_link"].received == 0


def test_a_refused_organisation_takes_its_deals_and_a_link_to_them(tmp_path: Path) -> None:
    records = make_records()
    records["organizations"][0]["country"] = "USA"
    _, report = load_yaml_records(tmp_path, records)
    assert list_rules(report) == {
        ("organization", "openai", "country"),
        ("deal", "openai-oracle", "unknown_organization"),
        ("token_observation", "openai-api-2025-10", "unknown_organization"),
        ("deal_link", "oracle-nvidia", "link_to_nowhere"),
    }


@pytest.mark.parametrize("org_id", ["all", "undisclosed"])
def test_an_id_that_the_marts_give_to_no_organisation_is_refused(
    org_id: str, tmp_path: Path
) -> None:
    records = make_records()
    records["organizations"].append({"id": org_id, "name": "Everyone", "kind": "other"})
    _, report = load_yaml_records(tmp_path, records)
    assert list_rules(report) == {("organization", org_id, "reserved_id")}


def test_shares_of_one_role_may_leave_a_rest_undisclosed(tmp_path: Path) -> None:
    records = make_records()
    records["deals"][0]["parties"][1]["share"] = 0.4
    records["deals"][0]["parties"].append({"org": "nvidia", "role": "cloud_provider", "share": 0.3})
    _, report = load_yaml_records(tmp_path, records)
    assert report.quarantined == 0
    assert report.warnings == ()


def _chain(
    records: Records, count: int, *, closed: bool = False, relation: str = "part_of"
) -> None:
    """Give the ledger deals d1, d2, …: each linked to the one before it."""
    pattern = records["deals"][1]
    deals = []
    for number in range(1, count + 1):
        above = number - 1 or (count if closed else 0)
        links = [{"to": f"d{above}", "relation": relation}] if above else []
        deals.append({**pattern, "id": f"d{number}", "links": links})
    records["deals"] = deals


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("relation", ["part_of", "supersedes", "supplies"])
def test_a_cycle_of_links_is_cut_and_the_deals_stay(
    relation: str, count: int, tmp_path: Path
) -> None:
    records = make_records()
    _chain(records, count, closed=True, relation=relation)
    _, report = load_yaml_records(tmp_path, records)
    assert list_rules(report) == {
        ("deal_link", f"d{number}", f"{relation}_cycle") for number in range(1, count + 1)
    }
    assert report.counts["deal"].accepted == count


@pytest.mark.parametrize(("relation", "count"), [("part_of", 9), ("supersedes", 20)])
def test_a_cycle_longer_than_the_allowed_depth_is_cut_too(
    relation: str, count: int, tmp_path: Path
) -> None:
    records = make_records()
    _chain(records, count, closed=True, relation=relation)
    _, report = load_yaml_records(tmp_path, records)
    assert report.counts["deal_link"].accepted == 0


def test_a_chain_that_leads_into_a_cycle_keeps_its_own_links(tmp_path: Path) -> None:
    records = make_records()
    _chain(records, 2, closed=True)
    part = {**records["deals"][0], "id": "d9", "links": [{"to": "d1", "relation": "part_of"}]}
    records["deals"].append(part)
    connection, _ = load_yaml_records(tmp_path, records)
    assert list_rows(connection, "select deal_id, to_deal_id from raw_ledger.deal_link") == [
        ("d9", "d1")
    ]


def test_part_of_may_be_four_deep_and_no_deeper(tmp_path: Path) -> None:
    records = make_records()
    _chain(records, 6)
    _, report = load_yaml_records(tmp_path, records)
    assert list_rules(report) == {("deal_link", "d6", "part_of_too_deep")}
    assert report.counts["deal_link"].accepted == 4


@pytest.mark.parametrize("relation", list(Relation))
def test_no_link_of_any_relation_leads_to_its_own_deal(relation: str, tmp_path: Path) -> None:
    records = make_records()
    records["deals"][1]["links"] = [{"to": "oracle-nvidia", "relation": relation}]
    _, report = load_yaml_records(tmp_path, records)
    assert list_rules(report) == {("deal_link", "oracle-nvidia", "link_to_itself")}


def test_a_part_and_its_whole_do_not_overlap_whichever_deal_says_so(tmp_path: Path) -> None:
    records = make_records()
    first, second = records["deals"]
    first["links"] = [{"to": "oracle-nvidia", "relation": "overlaps"}]
    # The second event states that there are no links any more.
    second["links"] = [{"to": "openai-oracle", "relation": "part_of"}]
    second["events"][0]["known_on"] = "2025-07-01"
    _, report = load_yaml_records(tmp_path, records)
    assert list_rules(report) == {("deal_link", "openai-oracle", "part_of_and_overlaps")}
    second["events"][0]["known_on"] = "2025-10-01"
    _, report = load_yaml_records(tmp_path, records)
    assert report.refusals == ()


def test_a_link_to_itself_or_to_nowhere_is_refused_and_the_deal_stays(tmp_path: Path) -> None:
    records = make_records()
    records["deals"][1]["links"] = [
        {"to": "oracle-nvidia", "relation": "overlaps"},
        {"to": "no-such-deal", "relation": "overlaps"},
        {"to": "openai-oracle", "relation": "overlaps"},
    ]
    connection, report = load_yaml_records(tmp_path, records)
    assert list_rules(report) >= {
        ("deal_link", "oracle-nvidia", "link_to_itself"),
        ("deal_link", "oracle-nvidia", "link_to_nowhere"),
    }
    assert report.counts["deal_link"].accepted == 1
    assert report.counts["deal_link"].quarantined == 2
    rows = list_rows(
        connection,
        "select field, raw_text from raw_ledger.quarantine where rule = 'link_to_nowhere'",
    )
    assert rows[0][0] == "links[1].to"


def test_facts_known_after_today_are_kept_for_later_days(tmp_path: Path) -> None:
    connection, report = load_yaml_records(tmp_path, make_records())
    assert report.quarantined == 0
    early = dt.date(2025, 1, 1)
    connection, report = load(tmp_path, today=early, latest_day=dt.date(2026, 11, 25))
    assert report.quarantined == 0
    assert list_rows(connection, "from raw_ledger.build") == [(early,)]


def test_a_month_that_has_begun_is_not_the_future(tmp_path: Path) -> None:
    records = make_records()
    (claim,) = records["claims"]
    days = ("2026-11-25", "2026-11", "2026", "2026-q4", "2026-h2")
    later = ("2026-11-26", "2026-12", "2027", "2027-h1", "2027-q1")
    records["claims"] = [{**claim, "id": day, "known_on": day.upper()} for day in days + later]
    _, report = load_yaml_records(tmp_path, records)
    assert {item.record_id for item in report.refusals} == set(later)
    assert {item.rule for item in report.refusals} == {"known_in_the_future"}


def test_a_warning_leaves_the_record_where_it_is(tmp_path: Path) -> None:
    records = make_records()
    _event(records, 1)["phases"][0]["capacity_gw"] = 4.4
    uncited = {"id": "paper-4", "url": "https://example.org/4", "published_on": "2027"}
    records["documents"].append({**records["documents"][0], **uncited})
    connection, report = load_yaml_records(tmp_path, records)
    assert report.quarantined == 0
    expected = {"phases_above_headline", "published_in_the_future"}
    assert {item.rule for item in report.warnings} == expected
    rows = list_rows(connection, "select record_id, severity from raw_ledger.warning order by all")
    assert rows == [("openai-oracle", "warn"), ("paper-4", "warn")]


def test_a_refused_record_is_one_row_that_tells_all_its_problems(tmp_path: Path) -> None:
    records = make_records()
    _event(records)["capacity_gw"].update(low=5, high=4)
    _event(records, 1)["term"].update(ends="2026")
    connection, report = load_yaml_records(tmp_path, records)
    deal = [item.rule for item in report.refusals if item.record_kind == "deal"]
    assert sorted(deal) == ["bounds_reversed", "period_reversed"]
    rows = list_rows(
        connection,
        "select record_id, file, line, raw_text, message from raw_ledger.quarantine"
        " where record_kind = 'deal'",
    )
    assert len(rows) == 1
    assert rows[0][:3] == ("openai-oracle", "deals/openai-oracle.yml", 1)
    assert rows[0][3].startswith('{"id": "openai-oracle"')
    assert "low is above high" in rows[0][4]
    assert "; also line 1: events[1].term: ends before it starts" in rows[0][4]

"""What is likely a slip: each rule warns of its case, names its line, and refuses nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sources.ledger.ledgers import Records, load_yaml_records, make_records

Spoil = Callable[[Records], Any]


def _event(records: Records, number: int = 0) -> dict[str, Any]:
    event: dict[str, Any] = records["deals"][0]["events"][number]
    return event


def _swap(records: Records) -> None:
    customer, vendor = records["deals"][1]["parties"]
    customer["org"], vendor["org"] = vendor["org"], customer["org"]


def _tell_again(records: Records) -> None:
    deal = records["deals"][0]
    event = {**deal["events"][0], "known_on": "2025-07-25"}
    again = {"id": "openai-cloud", "title": "A cloud contract", "events": [event], "phases": None}
    records["deals"].append({**deal, **again})


def _go_on(records: Records) -> None:
    (first,) = records["tokens"]
    period = {"kind": "month", "of": "2025-11-01"}
    records["tokens"].append(
        {**first, "id": "openai-api-2025-11", "period": period, "known_on": "2025-12-01"}
    )


CASES: list[tuple[str, str, Spoil]] = [
    (
        "figure_out_of_scale",
        "openai-oracle",
        lambda r: _event(r)["capacity_gw"].update(value=450),
    ),
    (
        "figure_against_words",
        "openai-oracle",
        lambda r: r["deals"][0].update(title="OpenAI rents 4.5 MW from Oracle"),
    ),
    (
        "figure_against_deal",
        "openai-oracle",
        lambda r: _event(r, 1)["phases"][0].update(capacity_gw=0.0012),
    ),
    (
        "dollars_a_gigawatt",
        "openai-oracle",
        lambda r: _event(r, 1)["value_usd"].update(value=300000000, original=None),
    ),
    (
        "basis_against_words",
        "openai-oracle",
        lambda r: _event(r)["capacity_gw"].update(basis="facility", note="critical IT load"),
    ),
    (
        "ceiling_as_figure",
        "openai-oracle",
        lambda r: _event(r)["capacity_gw"].update(qualifier="exact", note="up to 4.5 GW"),
    ),
    (
        "currency_against_words",
        "openai-oracle",
        lambda r: _event(r, 1)["value_usd"].update(original=None, note="300 billion euros"),
    ),
    (
        "exchange_rate_unlike",
        "openai-oracle",
        lambda r: _event(r, 1)["value_usd"]["original"].update(amount=50000000000),
    ),
    ("sides_reversed", "oracle-nvidia", _swap),
    ("same_deal_twice", "openai-cloud", _tell_again),
    (
        "period_against_words",
        "openai-api-2025-10",
        lambda r: r["tokens"][0].update(
            period={"kind": "month", "of": "2025-10-01"}, notes="6 billion tokens a day"
        ),
    ),
    (
        "tokens_against_words",
        "openai-api-2025-10",
        lambda r: r["tokens"][0].update(notes="6 trillion tokens a minute"),
    ),
    ("tokens_unlike_neighbours", "openai-api-2025-11", _go_on),
    (
        "known_before_period",
        "openai-api-2025-10",
        lambda r: r["tokens"][0].update(known_on="2025-09-01"),
    ),
    (
        "amount_unlike_series",
        "oracle-2026q3",
        lambda r: r["capex"][0].update(amount_usd={"value": 12000000, "qualifier": "exact"}),
    ),
    (
        "known_before_document",
        "openai-oracle",
        lambda r: _event(r).update(known_on="2025-04-01"),
    ),
    ("retold_without_need", "openai-oracle", lambda r: _event(r).update(retold=True)),
]


@pytest.mark.parametrize(("rule", "record_id", "spoil"), CASES, ids=[case[0] for case in CASES])
def test_a_likely_slip_is_warned_of_and_kept(
    rule: str, record_id: str, spoil: Spoil, tmp_path: Path
) -> None:
    records = make_records()
    if rule == "exchange_rate_unlike":
        # Rates are held against those that other events took.
        other = {"value": 1e9, "qualifier": "exact", "original": {"amount": 9e8, "currency": "EUR"}}
        records["deals"][1]["events"][0]["value_usd"] = other
    spoil(records)
    _, report = load_yaml_records(tmp_path, records)
    assert report.refusals == ()
    assert (record_id, rule) in {(item.record_id, item.rule) for item in report.warnings}
    assert all(item.file and item.line and item.remedy for item in report.warnings)


def test_linked_deals_are_not_taken_for_one(tmp_path: Path) -> None:
    records = make_records()
    _tell_again(records)
    records["deals"][-1]["links"] = [{"to": "openai-oracle", "relation": "part_of"}]
    _, report = load_yaml_records(tmp_path, records)
    assert "same_deal_twice" not in {item.rule for item in report.warnings}


def test_a_retold_day_may_be_earlier_than_its_documents(tmp_path: Path) -> None:
    records = make_records()
    _event(records).update(known_on="2025-04-01", retold=True)
    _, report = load_yaml_records(tmp_path, records)
    assert report.warnings == ()


@pytest.mark.parametrize("value", [None, 280000000000])
def test_a_sum_in_another_currency_needs_its_dollars(value: int | None, tmp_path: Path) -> None:
    records = make_records()
    _event(records, 1)["value_usd"]["value"] = value
    _, report = load_yaml_records(tmp_path, records)
    assert ("openai-oracle", "missing_exchange_rate") in {
        (item.record_id, item.rule) for item in report.refusals
    }

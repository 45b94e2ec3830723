"""An explanation is enough to work a published figure out again, by S1 to S12 and by hand.

What is recomputed here sees the explanation as JSON alone, never the warehouse.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from orchestration.explain import FACTS, ExplainError, explain, read_key, tell, to_json
from orchestration.pages import EXPLAIN, read_day, renew
from tests.warehouse.harness import Warehouse

Row = dict[str, Any]

_OPPOSITE = {"low": "high", "base": "base", "high": "low"}


@pytest.fixture(scope="module")
def connection(published_warehouse: Warehouse) -> DuckDBPyConnection:
    return published_warehouse.connection


def _explain(connection: DuckDBPyConnection, table: str, key: str, column: str) -> Row:
    found = explain(connection, table, read_key(connection, table, key), column)
    return json.loads(to_json(asdict(found)))


def _number(value: str | None) -> Decimal:
    return Decimal(value or 0)


def _net(rows: Iterable[Mapping[str, Any]], unit: str, bound: str) -> Decimal:
    """A set's total: parts inside their holders, what is shared once, at least the largest."""
    rows = list(rows)
    deals = {row["deal_id"]: row for row in rows if row["fact"] == "deal"}
    shared = [row for row in rows if row["fact"] == "shared"]

    def count(deal: str) -> Decimal:
        parts = [name for name, row in deals.items() if row["other_deal_id"] == deal]
        return max(_number(deals[deal][f"{unit}_{bound}"]), sum(map(count, parts), Decimal()))

    top = sum((count(name) for name, row in deals.items() if not row["other_deal_id"]), Decimal())
    off = sum((_number(row[f"{unit}_{_OPPOSITE[bound]}"]) for row in shared), Decimal())
    largest = max((_number(row[f"{unit}_{bound}"]) for row in deals.values()), default=Decimal())
    return max(top - off, largest)


def _capacity(explanation: Row, scope: str, bound: str) -> Decimal:
    rows = [row for row in explanation["facts"]["capacity"] if row["scope"] == scope]
    layers = {row["layer"] for row in rows}
    return max(
        _net((row for row in rows if row["layer"] == layer), "gw", bound) for layer in layers
    )


def _gross(explanation: Row, bound: str) -> Decimal:
    rows = explanation["facts"]["capacity"]
    return sum(
        (
            _number(row[f"gw_{bound}"])
            for row in rows
            if row["scope"] == "announced" and row["fact"] == "deal"
        ),
        Decimal(),
    )


@pytest.mark.parametrize("key", ["openai,net", "all,net", "anthropic,site", "all,power"])
def test_capacity_can_be_worked_out_from_its_explanation(
    connection: DuckDBPyConnection, key: str
) -> None:
    found = _explain(connection, "marts.capacity_by_customer", key, "total_gw_base")
    (row,) = found["facts"]["row"]
    assert found["cell"]["value"] == row["total_gw_base"]
    for bound in ("low", "base", "high"):
        assert _capacity(found, "announced", bound) == Decimal(row[f"total_gw_{bound}"])
        assert _capacity(found, "firm", bound) == Decimal(row[f"firm_gw_{bound}"])
        assert _gross(found, bound) == Decimal(row[f"gross_gw_{bound}"])


def _money(explanation: Row, measure: str, bound: str) -> Decimal:
    rows = [row for row in explanation["facts"]["money"] if row["measure"] == measure]
    return _net(rows, "usd", bound)


@pytest.mark.parametrize("customer", ["all", "openai", "anthropic", "oracle"])
def test_money_can_be_worked_out_from_its_explanation(
    connection: DuckDBPyConnection, customer: str
) -> None:
    found = _explain(connection, "marts.spend_by_customer", customer, "announced_usd_base")
    (row,) = found["facts"]["row"]
    for bound in ("low", "base", "high"):
        assert _money(found, "spend", bound) == Decimal(row[f"announced_usd_{bound}"])
    assert _money(found, "spend_firm", "base") == Decimal(row["firm_usd_base"])
    raised = _money(found, "equity", "base") + _money(found, "debt", "base")
    assert raised == Decimal(row["capital_raised_usd_base"])
    plans = [fact for fact in found["facts"]["money"] if fact["measure"] == "plan"]
    assert max((_number(fact["usd_base"]) for fact in plans), default=0) == Decimal(
        row["planned_usd_base"]
    )
    (net,) = found["facts"]["net capacity"]
    for cost in found["facts"]["cost of a gigawatt"]:
        bound = cost["scenario"]
        implied = Decimal(net[f"total_gw_{bound}"]) * Decimal(str(cost["value"]))
        assert float(implied) == pytest.approx(float(row[f"implied_usd_{bound}"]), abs=0.01)


def _middle(observation: Row) -> dt.date:
    first = dt.date.fromisoformat(observation["period_start"])
    last = dt.date.fromisoformat(observation["period_end"])
    return first + dt.timedelta(days=((last - first).days + 1) // 2)


def test_token_growth_can_be_worked_out_from_its_explanation(
    connection: DuckDBPyConnection,
) -> None:
    key = "org_id=google,scope=all surfaces,to_observation_id=google-all-surfaces-2025-06"
    found = _explain(connection, "marts.token_growth", key, "yearly_growth_factor")
    before, after = found["facts"]["observations"]
    days = (_middle(after) - _middle(before)).days
    ratio = after["tokens_per_month_base"] / before["tokens_per_month_base"]
    assert found["cell"]["value"] == pytest.approx(ratio ** (365.25 / days))
    assert found["cell"]["value"] == pytest.approx(71.80, abs=0.01)


def test_slip_can_be_worked_out_from_its_explanation(connection: DuckDBPyConnection) -> None:
    found = _explain(connection, "marts.phase_slips", "shackelford-frontier,1", "slip_days")
    promises = found["facts"]["promises"]
    first, latest = (dt.date.fromisoformat(promises[place]["promised_from"]) for place in (0, -1))
    assert (latest - first).days == found["cell"]["value"] == 184


def test_power_for_tokens_can_be_worked_out_from_its_explanation(
    connection: DuckDBPyConnection,
) -> None:
    found = _explain(
        connection, "marts.demand_vs_supply", "2026-09-01,base", "required_gw_hindsight"
    )
    (tokens,) = found["facts"]["tokens"]
    joules, pue = (row["value"] for row in found["facts"]["energy a token and power of a site"])
    a_second = tokens["tokens_per_month_base"] / (30.4375 * 86400)
    assert found["cell"]["value"] == pytest.approx(a_second * joules * pue / 1e9)


def test_bottleneck_can_be_worked_out_from_its_explanation(connection: DuckDBPyConnection) -> None:
    found = _explain(connection, "marts.capital_loops", "nvidia>openai>oracle", "bottleneck_usd")
    legs: dict[int, Decimal] = {}
    for flow in found["facts"]["flows"]:
        if flow["is_cash"] and flow["usd_base"] is not None:
            size = Decimal(flow["usd_base"])
            legs[flow["leg_seq"]] = max(size, legs.get(flow["leg_seq"], size))
    assert len(legs) == 3
    assert min(legs.values()) == Decimal(found["cell"]["value"])


@pytest.mark.parametrize("table", sorted(FACTS))
def test_every_table_with_facts_is_explained(connection: DuckDBPyConnection, table: str) -> None:
    plain = connection.execute(
        "select column_name from duckdb_columns() where database_name = current_database()"
        " and schema_name || '.' || table_name = ? and data_type not like '%[]'"
        " order by column_index",
        [table],
    ).fetchall()
    names = [name for (name,) in plain]
    row = connection.execute(f"select {', '.join(names)} from {table} order by all").fetchone()
    assert row is not None
    key = {name: str(value) for name, value in zip(names, row, strict=True) if _is_key(value)}
    found = explain(connection, table, key, names[-1])
    assert found.facts["row"][0]["source_ids"]
    assert {document["source_id"] for document in found.documents} >= set(
        found.facts["row"][0]["source_ids"]
    )
    for name in FACTS[table]:
        assert name in found.facts
    assert found.rules
    assert tell(found)


def _is_key(value: object) -> bool:
    return isinstance(value, str | int | dt.date) and not isinstance(value, bool)


def test_explanation_names_rules_documents_and_hashes(connection: DuckDBPyConnection) -> None:
    found = _explain(connection, "marts.capacity_by_customer", "openai,net", "total_gw_base")
    assert [rule["rule"] for rule in found["rules"]] == ["S5"]
    assert "largest of the site, chips and cloud layers" in found["rules"][0]["text"]
    assert found["release"]["release_id"] == "20261125T120000Z-00000000"
    records = {(row["record_kind"], row["record_id"]) for row in found["records"]}
    deals = {row["deal_id"] for row in found["facts"]["capacity"]}
    assert {("deal", deal) for deal in deals} <= records
    assert all(len(row["content_hash"]) == 32 for row in found["records"])
    events = [row for row in found["facts"]["events"] if row["deal_id"] == "openai-amd-6gw"]
    assert events[0]["known_on"] == "2025-10-06"
    assert set(events[0]["source_ids"]) <= {row["source_id"] for row in found["documents"]}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda c: read_key(c, "marts.capacity", "openai"), "no table marts.capacity;"),
        (lambda c: explain(c, "core.dim_deal", {"deal_id": "x"}, "title"), "no row with deal_id x"),
        (lambda c: explain(c, "core.dim_deal", {"id": "x"}, "title"), "no column id; it has deal_"),
        (
            lambda c: explain(
                c, "marts.capacity_by_customer", {"customer_id": "openai"}, "total_gw_base"
            ),
            "several rows with customer_id openai; add one of layer,",
        ),
    ],
    ids=["table", "row", "column", "several"],
)
def test_what_cannot_be_explained_is_said(
    connection: DuckDBPyConnection, ask: Callable[[DuckDBPyConnection], object], message: str
) -> None:
    with pytest.raises(ExplainError, match=message):
        ask(connection)


def test_examples_of_the_page_are_what_the_commands_print(connection: DuckDBPyConnection) -> None:
    page = EXPLAIN.read_text(encoding="utf-8")
    emptied = re.sub(
        r"(<!-- (?:answer|output) -->\n).*?(<!-- end -->)", r"\1\2", page, flags=re.DOTALL
    )
    assert emptied.count("<!-- output -->\n<!-- end -->") == 1
    again = renew(emptied, connection, read_day(page))
    assert _without_release(again) == _without_release(page), "renew it with `make pages`"


def _without_release(page: str) -> str:
    return re.sub(r"(?m)^(release  |content  ).*$", r"\1", page)


def test_a_value_with_a_comma_can_stand_in_a_key(connection: DuckDBPyConnection) -> None:
    scope = "inference router, public traffic"
    key = read_key(connection, "marts.token_growth", f'openrouter,"{scope}"')
    assert key == {"org_id": "openrouter", "scope": scope}

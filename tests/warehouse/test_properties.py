"""The SQL models against the plain-Python calculation, on ledgers that Hypothesis makes up.

`HYPOTHESIS_PROFILE=searching` looks at ten times as many, other ones each time.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.warehouse import oracle, strategies
from tests.warehouse.harness import Warehouse
from tests.warehouse.oracle import Bounds, Oracle

TODAY = strategies.TODAY
DAYS = st.sampled_from((*strategies.AS_OF_DAYS, TODAY))
BOUNDS = ("low", "base", "high")
GW_TOLERANCE = Fraction(2, 10**9)
"""Two units of the last digit: SQL rounds from a floating-point product."""
USD_TOLERANCE = Fraction(5, 100)
"""A few cents of rounding for each flow of a total."""

Key = Any
Figures = Mapping[str, Any]


def is_same(found: Any, expected: Any, tolerance: Fraction) -> bool:
    """Whether two figures are equal up to rounding; other values, exactly."""
    if isinstance(expected, bool) or found is None or expected is None:
        return found is expected
    if isinstance(expected, int | Fraction):
        return abs(Fraction(found) - expected) <= tolerance
    return bool(found == expected)


def assert_same(
    found: Mapping[Key, Figures], expected: Mapping[Key, Figures], tolerance: Fraction
) -> None:
    """Fails with every row and column that differs."""
    differences = [f"only in SQL: {key} {found[key]}" for key in found if key not in expected]
    differences += [f"missing: {key} {expected[key]}" for key in expected if key not in found]
    for key in found.keys() & expected.keys():
        differences += [
            f"{key} {name}: SQL {found[key][name]}, expected {_readable(figure)}"
            for name, figure in expected[key].items()
            if not is_same(found[key][name], figure, tolerance)
        ]
    assert not differences, "\n".join(sorted(differences))


def _readable(figure: Any) -> Any:
    return float(figure) if isinstance(figure, Fraction) else figure


def by_key(rows: Iterable[Mapping[str, Any]], *names: str) -> dict[Key, Mapping[str, Any]]:
    """The rows by their key, which must be unique."""
    found: dict[Key, Mapping[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in names)
        assert key not in found, f"two rows for {key}"
        found[key] = row
    return found


def spelled(name: str, figure: Bounds | None) -> dict[str, Fraction | None]:
    """The three columns of a figure."""
    bounds = (None, None, None) if figure is None else figure.as_tuple()
    return {f"{name}_{bound}": number for bound, number in zip(BOUNDS, bounds, strict=True)}


def columns_of_deal(state: oracle.State) -> Figures:
    return {
        "kind": state.kind,
        "layer": state.layer,
        "first_known_on": state.first_known_on,
        "last_known_on": state.last_known_on,
        "commitment": state.commitment,
        "is_firm": state.is_firm,
        "is_disputed": state.is_disputed,
        "power_basis": state.basis,
        **spelled("capacity_gw", state.capacity),
        **spelled("online_gw", state.online),
        **spelled("value_usd", state.value),
    }


def columns_of_capacity(row: oracle.CapacityRow) -> Figures:
    return {
        **spelled("gross_gw", row.gross),
        **spelled("total_gw", row.total),
        **spelled("firm_gw", row.firm),
        "online_gw_base": row.online_base,
        "is_binding": row.is_binding,
        "deal_count": row.deal_count,
    }


def columns_of_spend(row: oracle.SpendRow) -> Figures:
    return {
        **spelled("announced_usd", row.announced),
        "firm_usd_base": row.firm_base,
        **{f"implied_usd_{bound}": row.implied[index] for index, bound in enumerate(BOUNDS)},
        "capital_raised_usd_base": row.capital_raised,
        "pass_through_usd_base": row.pass_through,
        "contingent_usd_base": row.contingent,
        "planned_usd_base": row.planned,
        "unvalued_deal_count": row.unvalued_deal_count,
        "unvalued_capital_count": row.unvalued_capital_count,
        "unvalued_pass_through_count": row.unvalued_pass_through_count,
    }


def check_folding(warehouse: Warehouse, asked: Oracle, query: str) -> None:
    """S1 to S4."""
    assert_same(
        by_key(warehouse.rows(query), "deal_id"),
        {(deal_id,): columns_of_deal(state) for deal_id, state in asked.states.items()},
        GW_TOLERANCE,
    )


def check_capacity(warehouse: Warehouse, asked: Oracle, query: str) -> None:
    """S5."""
    assert_same(
        by_key(warehouse.rows(query), "customer_id", "layer"),
        {key: columns_of_capacity(row) for key, row in asked.capacity.items()},
        GW_TOLERANCE,
    )


def check_spend(warehouse: Warehouse, asked: Oracle, query: str) -> None:
    """S6 and S7."""
    assert_same(
        by_key(warehouse.rows(query), "customer_id"),
        {(org,): columns_of_spend(row) for org, row in asked.spend.items()},
        USD_TOLERANCE,
    )


def check_loops(warehouse: Warehouse, asked: Oracle, query: str) -> None:
    """S11."""
    found = [{**row, "org_ids": tuple(row["org_ids"])} for row in warehouse.rows(query)]
    assert_same(
        by_key(found, "org_ids"),
        {
            (loop.org_ids,): {
                "deal_ids": list(loop.deal_ids),
                "length": len(loop.org_ids),
                "bottleneck_usd": loop.bottleneck,
                "unvalued_leg_count": loop.unvalued_leg_count,
                "has_conditional_leg": loop.has_conditional_leg,
                "has_noncash_leg": loop.has_noncash_leg,
            }
            for loop in asked.loops
        },
        USD_TOLERANCE,
    )


AS_OF_CHECKS = {
    "deals_as_of": ("core.dim_deal", check_folding),
    "capacity_as_of": ("marts.capacity_by_customer", check_capacity),
    "spend_as_of": ("marts.spend_by_customer", check_spend),
    "loops_as_of": ("marts.capital_loops", check_loops),
}


def check_eliminations(warehouse: Warehouse, now: Oracle) -> None:
    """S5: what is taken off, by reason; gross less all of it is net."""
    found = warehouse.rows(
        "select customer_id, layer, reason, sum(eliminated_gw_base) as gw "
        "from marts.capacity_eliminations group by all"
    )
    assert_same(
        by_key(found, "customer_id", "layer", "reason"),
        {key: {"gw": amount} for key, amount in now.eliminations.items()},
        GW_TOLERANCE,
    )
    taken: dict[str, Fraction] = defaultdict(Fraction)
    for (customer, _, _), amount in now.eliminations.items():
        taken[customer] += amount
    for (customer, layer), row in now.capacity.items():
        if layer == "net" and row.gross is not None and row.total is not None:
            assert row.gross.base - taken[customer] == row.total.base


def check_flows(warehouse: Warehouse, now: Oracle) -> None:
    """S6: who pays whom."""
    found = warehouse.rows("select * from core.fct_money_flow")
    assert_same(
        by_key(found, "deal_id", "payer_id", "payee_id", "flow_kind"),
        {
            (flow.deal_id, flow.payer, flow.payee, flow.kind): {
                **spelled("usd", flow.amount),
                "is_cash": flow.is_cash,
                "is_conditional": flow.is_conditional,
                "known_on": flow.known_on,
                "is_pass_through": flow.is_pass_through,
            }
            for flow in now.flows
        },
        USD_TOLERANCE,
    )


def check_capacity_schedule(warehouse: Warehouse, now: Oracle) -> None:
    """S8: the months, and what is left unscheduled."""
    months: dict[Key, Figures] = {}
    left: dict[Key, Figures] = {}
    for deal_id, state in now.counting.items():
        schedule = oracle.schedule_capacity(state)
        for (basis, month), amount in schedule.months.items():
            for customer in state.customers or [oracle.UNDISCLOSED]:
                key = (deal_id, customer, oracle.first_day_of(month), basis)
                months[key] = spelled("added_gw", amount)
        if state.capacity is not None:
            scheduled = oracle.sum_bounds(schedule.months.values())
            assert scheduled + schedule.unscheduled == state.capacity
            left[deal_id,] = {
                **spelled("headline_gw", state.capacity),
                **spelled("scheduled_gw", scheduled),
                **spelled("unscheduled_gw", schedule.unscheduled),
            }
    found = warehouse.rows(
        "select * from marts.capacity_schedule "
        "where added_gw_low <> 0 or added_gw_base <> 0 or added_gw_high <> 0"
    )
    assert_same(by_key(found, "deal_id", "customer_id", "month", "basis"), months, GW_TOLERANCE)
    totals = warehouse.rows(
        "select * from marts.schedule_totals where headline_gw_base is not null"
    )
    assert_same(by_key(totals, "deal_id"), left, GW_TOLERANCE)


def check_slips(warehouse: Warehouse, now: Oracle) -> None:
    """S8: promises that moved."""
    assert_same(
        by_key(warehouse.rows("select * from marts.phase_slips"), "deal_id", "phase_seq"),
        {
            (deal["id"], seq): {
                "first_promised": first,
                "latest_promised": latest,
                "slip_days": days,
            }
            for deal in now.ledger["deals"]
            for seq, (first, latest, days) in oracle.phase_slips(deal, now.day).items()
        },
        Fraction(0),
    )


def check_spend_schedule(warehouse: Warehouse, now: Oracle) -> None:
    """S8: the months in which commitments are spent."""
    expected: dict[Key, Figures] = {}
    for flow in now.flows:
        if flow.kind == "spend" and flow.is_cash and flow.amount is not None:
            schedule = oracle.schedule_money(flow.amount, now.states[flow.deal_id].term)
            for (_, month), amount in schedule.months.items():
                key = (flow.deal_id, flow.payer, flow.payee, oracle.first_day_of(month))
                expected[key] = spelled("usd", amount)
    found = warehouse.rows("select * from marts.spend_schedule where flow_kind = 'spend'")
    assert_same(by_key(found, "deal_id", "payer_id", "payee_id", "month"), expected, USD_TOLERANCE)


TODAY_CHECKS = {
    "capacity_eliminations": check_eliminations,
    "fct_money_flow": check_flows,
    "capacity_schedule": check_capacity_schedule,
    "phase_slips": check_slips,
    "spend_schedule": check_spend_schedule,
}
MODELS = (
    *AS_OF_CHECKS,
    *(table.split(".")[1] for table, _ in AS_OF_CHECKS.values()),
    *TODAY_CHECKS,
    "schedule_totals",
)


def note_what_occurs(asked: Oracle) -> None:
    """Lets `--hypothesis-show-statistics` tell how often each knot was met."""
    for _, _, reason in asked.eliminations:
        event(f"eliminates by {reason}")
    for flow in asked.flows:
        event(f"flow of kind {flow.kind}{', pass-through' if flow.is_pass_through else ''}")
    for loop in asked.loops:
        event(f"loop of {len(loop.org_ids)}")
    if asked.superseded:
        event("something is superseded")


@given(ledger=strategies.batches(), day=DAYS)
def test_models_agree_with_the_plain_calculation(
    warehouse_of: Any, ledger: Any, day: dt.date
) -> None:
    warehouse = warehouse_of(*MODELS)
    warehouse.load(ledger, today=TODAY)
    then, now = Oracle(ledger, day), Oracle(ledger, TODAY)
    note_what_occurs(now)
    for macro, (table, check) in AS_OF_CHECKS.items():
        check(warehouse, then, f"select * from {macro}(date '{day}')")
        check(warehouse, now, f"select * from {table}")
    for check_now in TODAY_CHECKS.values():
        check_now(warehouse, now)


@given(observations=strategies.token_observations())
def test_token_volumes_are_normalised_and_grow_alike(
    warehouse_of: Any, observations: list[dict[str, Any]]
) -> None:
    warehouse = warehouse_of("fct_token_volume", "token_growth")
    warehouse.load({"deals": [], "token_observations": observations}, today=TODAY)
    volumes = [oracle.normalise(observation) for observation in observations]
    found = by_key(warehouse.rows("select * from core.fct_token_volume"), "observation_id")
    assert found.keys() == {(volume.observation_id,) for volume in volumes}
    for volume in volumes:
        row = found[volume.observation_id,]
        assert (row["period_start"], row["period_end"]) == (volume.starts, volume.ends)
        for name, figure in spelled("tokens_per_month", volume.per_month).items():
            assert row[name] == (None if figure is None else pytest.approx(float(figure)))
    growths: dict[Key, tuple[float | None, float | None]] = {}
    for members in oracle.series_of(observations).values():
        for earlier, later in pairwise(members):
            growth = oracle.growth_between(earlier, later)
            assert growth is not None
            growths[earlier.observation_id, later.observation_id] = growth
    grown = by_key(
        warehouse.rows("select * from marts.token_growth"),
        "from_observation_id",
        "to_observation_id",
    )
    assert grown.keys() == growths.keys()
    for key, (factor, doubling_days) in growths.items():
        assert grown[key]["yearly_growth_factor"] == pytest.approx(factor)
        assert grown[key]["doubling_days"] == pytest.approx(doubling_days)

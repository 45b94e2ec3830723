"""The worked examples against the plain-Python calculation: the referee knows the rules."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.warehouse import oracle
from tests.warehouse.oracle import Oracle, to_bounds, to_period

LATER = dt.date(2030, 1, 1)


def make_deal(
    deal_id: str,
    kind: str,
    *events: dict[str, Any],
    parties: tuple[tuple[str, str], ...] = (("c", "customer"),),
    **more: Any,
) -> dict[str, Any]:
    """A deal with the customer `c` unless other parties are named."""
    return {
        "id": deal_id,
        "title": deal_id,
        "kind": kind,
        "parties": [{"org": org, "role": role} for org, role in parties],
        "events": list(events),
        **more,
    }


def make_event(
    known_on: Any,
    commitment: str,
    gw: Any = None,
    *,
    usd: Any = None,
    kind: str = "announced",
    basis: str = "unspecified",
    **more: Any,
) -> dict[str, Any]:
    """An event; a figure is a number or (number, qualifier)."""
    event: dict[str, Any] = {"known_on": known_on, "kind": kind, "commitment": commitment, **more}
    if gw is not None:
        value, qualifier = gw if isinstance(gw, tuple) else (gw, "exact")
        event["capacity_gw"] = {"value": value, "qualifier": qualifier, "basis": basis}
    if usd is not None:
        value, qualifier = usd if isinstance(usd, tuple) else (usd, "exact")
        event["value_usd"] = {"value": value, "qualifier": qualifier}
    return event


def make_link(to: str, relation: str, **shared: Any) -> dict[str, Any]:
    return {"to": to, "relation": relation, **shared}


def numbers(figure: oracle.Bounds | None) -> tuple[float, ...]:
    """The bounds as plain numbers."""
    assert figure is not None
    return tuple(float(bound) for bound in figure.as_tuple())


def ask(deals: list[dict[str, Any]], day: dt.date = LATER, **more: Any) -> Oracle:
    return Oracle({"deals": deals, **more}, day)


# Example A


FOLDED = make_deal(
    "d",
    "compute_supply",
    make_event("2025-09-22", "letter_of_intent", (10, "up_to")),
    make_event("2026-02-01", "definitive", 5, kind="reduced"),
)


def test_reduction_replaces_the_figure_only_from_its_own_day() -> None:
    before = ask([FOLDED], dt.date(2025, 12, 31)).capacity["c", "chips"]
    assert (numbers(before.total), numbers(before.firm)) == ((0, 10, 10), (0, 0, 0))
    after = ask([FOLDED], dt.date(2026, 2, 1)).capacity["c", "chips"]
    assert (numbers(after.total), numbers(after.firm)) == ((5, 5, 5), (5, 5, 5))
    assert ask([FOLDED], dt.date(2025, 9, 21)).capacity == {}


@pytest.mark.parametrize(
    ("quantity", "bounds"),
    [
        ({"value": 3, "qualifier": "about"}, (2.7, 3, 3.3)),
        ({"value": 3, "qualifier": "at_least"}, (3, 3, 3)),
        ({"value": None, "qualifier": "range", "low": 5, "high": 7}, (5, 6, 7)),
        ({"value": 5.5, "qualifier": "range", "low": 5, "high": 7}, (5, 5.5, 7)),
        (1.5, (1.5, 1.5, 1.5)),
    ],
    ids=lambda value: str(value),
)
def test_quantity_becomes_bounds(quantity: Any, bounds: tuple[float, ...]) -> None:
    figure = to_bounds(quantity, digits=9)
    assert figure is not None
    assert numbers(figure) == bounds


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-H2", "2026-07-01", "2026-12-31"),
        ("2026-Q3", "2026-07-01", "2026-09-30"),
        (2026, "2026-01-01", "2026-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-09-15", "2026-09-15", "2026-09-15"),
    ],
)
def test_partial_date_is_its_days(text: Any, first: str, last: str) -> None:
    assert to_period(text) == (dt.date.fromisoformat(first), dt.date.fromisoformat(last))


def test_month_counts_as_known_on_its_last_day() -> None:
    deal = make_deal("d", "compute_supply", make_event("2025-06", "definitive", 1))
    assert ask([deal], dt.date(2025, 6, 29)).states == {}
    assert ask([deal], dt.date(2025, 6, 30)).states["d"].commitment == "definitive"


def test_dispute_keeps_the_commitment_until_a_later_event_settles_it() -> None:
    deal = make_deal(
        "d",
        "compute_supply",
        make_event("2025-01-01", "framework", 1),
        make_event("2025-02-01", "framework", kind="disputed"),
        make_event("2025-03-01", "definitive", kind="signed"),
    )
    disputed = ask([deal], dt.date(2025, 2, 1)).states["d"]
    assert (disputed.commitment, disputed.is_disputed) == ("framework", True)
    settled = ask([deal], dt.date(2025, 3, 1)).states["d"]
    assert (settled.commitment, settled.is_disputed) == ("definitive", False)


# Example B


def parts_of(whole: Any) -> list[dict[str, Any]]:
    inside = [make_link("p", "part_of")]
    return [
        make_deal("p", "cloud_services", make_event("2025-01-01", "definitive", whole)),
        make_deal("x", "cloud_services", make_event("2025-02-01", "definitive", 1.5), links=inside),
        make_deal("y", "cloud_services", make_event("2025-03-01", "framework", 3), links=inside),
    ]


def test_deal_with_parts_counts_the_larger_of_itself_and_them() -> None:
    early = ask(parts_of(4), dt.date(2025, 2, 15))
    assert numbers(early.capacity["c", "cloud"].gross)[1] == 5.5
    assert numbers(early.capacity["c", "cloud"].total)[1] == 4
    row = ask(parts_of(4)).capacity["c", "cloud"]
    figures = (row.gross, row.total, row.firm)
    assert [numbers(figure)[1] for figure in figures] == [8.5, 4.5, 4]
    open_row = ask(parts_of((6, "up_to"))).capacity["c", "cloud"]
    assert numbers(open_row.gross) == (4.5, 10.5, 10.5)
    assert numbers(open_row.total) == (4.5, 6, 6)
    assert numbers(open_row.firm) == (1.5, 6, 6)


def cloud(deal_id: str, gw: Any, commitment: str, *links: dict[str, Any]) -> dict[str, Any]:
    event = make_event("2025-01-01", commitment, gw)
    return make_deal(deal_id, "cloud_services", event, links=list(links))


def test_part_of_a_part_lies_inside_the_whole_though_the_deal_between_is_not_firm() -> None:
    row = ask(
        [
            cloud("z", 4, "definitive"),
            cloud("y", 3, "framework", make_link("z", "part_of")),
            cloud("x", 1.5, "definitive", make_link("y", "part_of")),
        ]
    ).capacity["c", "cloud"]
    assert numbers(row.total)[1] == 4
    assert numbers(row.firm)[1] == 4


def test_deal_inside_another_is_not_taken_off_again_as_an_overlap() -> None:
    row = ask(
        [
            cloud("p", 4, "definitive", make_link("x", "overlaps")),
            cloud("x", 1.5, "definitive", make_link("p", "part_of")),
            cloud("z", 10, "definitive"),
        ]
    ).capacity["c", "cloud"]
    assert numbers(row.total)[1] == 14


def test_share_is_no_more_than_the_smaller_deal() -> None:
    share = {"value": 5, "qualifier": "exact"}
    row = ask(
        [
            cloud("a", 10, "definitive"),
            cloud("b", (2, "about"), "definitive", make_link("a", "overlaps", shared_gw=share)),
        ]
    ).capacity["c", "cloud"]
    assert numbers(row.total) == (10, 10, 10)


# Example C


@pytest.mark.parametrize(
    ("shared", "total"),
    [
        ({}, (2.7, 3, 5.3)),
        ({"shared_gw": {"value": Decimal("0.5"), "qualifier": "exact"}}, (4.2, 4.5, 4.8)),
    ],
    ids=["share not stated", "share stated"],
)
def test_overlap_is_taken_off_once(shared: dict[str, Any], total: tuple[float, ...]) -> None:
    row = ask(
        [
            make_deal("a", "datacenter_lease", make_event("2025-01-01", "definitive", 2)),
            make_deal(
                "b",
                "datacenter_lease",
                make_event("2025-01-01", "definitive", (3, "about")),
                links=[make_link("a", "overlaps", **shared)],
            ),
        ]
    ).capacity["c", "site"]
    assert numbers(row.gross) == (4.7, 5, 5.3)
    assert numbers(row.total) == total


# Example D


def test_layers_of_one_gigawatt_are_not_added() -> None:
    asked = ask(
        [
            make_deal(
                "chips",
                "compute_supply",
                make_event("2025-01-01", "letter_of_intent", (10, "at_least")),
            ),
            make_deal("cloud", "cloud_services", make_event("2025-01-01", "definitive", 4.5)),
            make_deal("site", "datacenter_lease", make_event("2025-01-01", "definitive", 1.2)),
            make_deal(
                "power",
                "power_supply",
                make_event("2025-01-01", "definitive", 20, basis="utility"),
            ),
            make_deal(
                "plan",
                "expansion_plan",
                make_event("2025-01-01", "plan", 10),
                parties=(("c", "sponsor"),),
            ),
        ]
    )
    net = asked.capacity["c", "net"]
    assert numbers(net.gross)[1] == 15.7
    assert numbers(net.total)[1] == 10
    assert numbers(net.firm)[1] == 4.5
    assert asked.capacity["c", "chips"].is_binding
    assert numbers(asked.capacity["c", "power"].total)[1] == 20
    assert numbers(asked.capacity["c", "plan"].total)[1] == 10
    assert {key: float(amount) for key, amount in asked.eliminations.items() if key[0] == "c"} == {
        ("c", "cloud", "layer"): 4.5,
        ("c", "site", "layer"): 1.2,
    }


def test_figure_on_the_utility_basis_stands_in_the_power_layer() -> None:
    site = make_deal(
        "d", "datacenter_lease", make_event("2025-01-01", "definitive", 1, basis="utility")
    )
    assert set(ask([site]).capacity) == {("c", "power"), ("all", "power")}


# Example E


@pytest.mark.parametrize(("day", "gw"), [("2025-03-01", 3), ("2025-06-01", 4), ("2025-09-01", 3)])
def test_superseded_deal_counts_only_while_its_successor_does_not(day: str, gw: int) -> None:
    row = ask(
        [
            make_deal("a", "compute_supply", make_event("2025-01-01", "framework", 3)),
            make_deal(
                "b",
                "compute_supply",
                make_event("2025-06-01", "definitive", 4),
                make_event("2025-09-01", "cancelled", kind="cancelled"),
                links=[make_link("a", "supersedes")],
            ),
        ],
        dt.date.fromisoformat(day),
    ).capacity["c", "net"]
    assert (numbers(row.gross)[1], numbers(row.total)[1]) == (gw, gw)


# Example F


def scheduled_deal(**later: Any) -> dict[str, Any]:
    events = [make_event("2025-01-01", "definitive", 10, term={"ends": "2029-12"})]
    if later:
        events.append(make_event("2026-01-01", "definitive", kind="amended", **later))
    return make_deal(
        "d",
        "compute_supply",
        *events,
        phases=[{"seq": 1, "capacity_gw": 1, "starts": "2026-H2"}],
    )


def by_month(schedule: oracle.Scheduled) -> dict[tuple[str, str], float]:
    return {
        (basis, oracle.first_day_of(month).isoformat()[:7]): float(amount.base)
        for (basis, month), amount in schedule.months.items()
    }


def test_phase_comes_first_and_the_rest_is_spread_to_the_end_of_the_term() -> None:
    schedule = oracle.schedule_capacity(ask([scheduled_deal()]).states["d"])
    months = by_month(schedule)
    stated = [month for basis, month in months if basis == "stated"]
    assert stated == ["2026-07", "2026-08", "2026-09", "2026-10", "2026-11", "2026-12"]
    assert months["stated", "2026-07"] == pytest.approx(1 / 6, abs=1e-9)
    spread = [amount for (basis, _), amount in months.items() if basis == "spread"]
    assert spread == [0.25] * 36
    assert sum(amount.base for amount in schedule.months.values()) == 10
    assert schedule.unscheduled.base == 0


def test_without_an_end_only_the_phases_are_scheduled() -> None:
    schedule = oracle.schedule_capacity(ask([scheduled_deal(term={"years": 5})]).states["d"])
    assert sum(amount.base for amount in schedule.months.values()) == 1
    assert schedule.unscheduled.base == 9


def test_phase_stated_again_slips_and_leaves_its_old_months() -> None:
    deal = scheduled_deal(phases=[{"seq": 1, "capacity_gw": 1, "starts": "2027-H1"}])
    assert oracle.phase_slips(deal, LATER) == {1: (dt.date(2026, 7, 1), dt.date(2027, 1, 1), 184)}
    months = by_month(oracle.schedule_capacity(ask([deal]).states["d"]))
    assert not [month for _, month in months if month.startswith("2026")]


def test_promise_replaced_on_its_own_day_is_the_first(
) -> None:
    deal = make_deal(
        "d",
        "compute_supply",
        make_event("2025-01-01", "definitive", 10, phases=[{"seq": 1, "starts": "2026-H2"}]),
        make_event("2025-01-01", "definitive", phases=[{"seq": 1, "starts": "2027-H1"}]),
    )
    assert oracle.phase_slips(deal, LATER) == {1: (dt.date(2026, 7, 1), dt.date(2027, 1, 1), 184)}


def test_phase_that_came_online_in_a_year_is_spread_over_its_months() -> None:
    deal = scheduled_deal(
        phases=[{"seq": 1, "capacity_gw": 3, "starts": "2026-H2", "online_on": 2025}]
    )
    months = by_month(oracle.schedule_capacity(ask([deal]).states["d"]))
    stated = {month: amount for (basis, month), amount in months.items() if basis == "stated"}
    assert (len(stated), set(stated.values())) == (12, {0.25})
    assert (min(stated), max(stated)) == ("2025-01", "2025-12")


# Example G


def test_money_of_a_term_is_spread_over_its_months() -> None:
    deal = make_deal(
        "d",
        "cloud_services",
        make_event("2025-01-01", "definitive", usd=300e9, term={"starts": 2027, "years": 5}),
    )
    state = ask([deal]).states["d"]
    assert state.value is not None
    months = by_month(oracle.schedule_money(state.value, state.term))
    assert (len(months), set(months.values())) == (60, {5e9})
    assert (min(months)[1], max(months)[1]) == ("2027-01", "2031-12")


def test_purchase_that_serves_a_contract_passes_through() -> None:
    asked = ask(
        [
            make_deal(
                "cloud",
                "cloud_services",
                make_event("2025-01-01", "definitive", usd=300e9),
                parties=(
                    ("openai", "customer"),
                    ("oracle", "cloud_provider"),
                    ("nvidia", "chip_vendor"),
                ),
            ),
            make_deal(
                "chips",
                "compute_supply",
                make_event("2025-05-01", "definitive", usd=40e9),
                parties=(("oracle", "customer"), ("nvidia", "chip_vendor")),
                links=[make_link("cloud", "supplies")],
            ),
            make_deal(
                "equity",
                "equity_investment",
                make_event("2025-05-01", "definitive", usd=30e9),
                parties=(("softbank", "investor"), ("openai", "investee")),
            ),
            make_deal(
                "guarantee",
                "datacenter_lease",
                {
                    **make_event("2025-05-01", "definitive"),
                    "value_usd": {"value": 105e9, "qualifier": "up_to", "cash": False},
                },
                parties=(("nvidia", "guarantor"), ("openai", "tenant")),
            ),
        ]
    )
    assert [(flow.payer, flow.payee) for flow in asked.flows if flow.deal_id == "cloud"] == [
        ("openai", "oracle")
    ]
    system = asked.spend["all"]
    assert (numbers(system.announced)[1], system.pass_through) == (300e9, 40e9)
    assert (system.capital_raised, system.contingent) == (30 * 10**9, 105 * 10**9)
    assert numbers(asked.spend["oracle"].announced) == (40e9, 40e9, 40e9)
    assert asked.spend["openai"].capital_raised == 30 * 10**9
    assert asked.spend["nvidia"].contingent == 105 * 10**9
    assert numbers(asked.spend["nvidia"].announced) == (0, 0, 0)


def test_payer_of_half_of_two_deals_shares_half_of_what_they_share() -> None:
    share = {"value": 8e9, "qualifier": "exact"}
    deals = [
        make_deal(
            deal_id,
            "cloud_services",
            make_event("2025-01-01", "definitive", usd=10e9),
            parties=(("c", "customer"), ("e", "customer"), ("o", "cloud_provider")),
            links=links,
        )
        for deal_id, links in (("a", []), ("b", [make_link("a", "overlaps", shared_usd=share)]))
    ]
    spend = ask(deals).spend
    assert numbers(spend["c"].announced) == (6e9, 6e9, 6e9)
    assert numbers(spend["all"].announced) == (12e9, 12e9, 12e9)


def test_what_stated_shares_leave_is_nobodys() -> None:
    deal = make_deal(
        "d", "equity_investment", make_event("2025-01-01", "definitive", usd=10e9), parties=()
    )
    deal["parties"] = [
        {"org": "fund", "role": "investor", "share": Decimal("0.6")},
        {"org": "lab", "role": "investee"},
    ]
    assert [(f.payer, f.payee, numbers(f.amount)[1]) for f in ask([deal]).flows] == [
        ("fund", "lab", 6e9),
        ("undisclosed", "lab", 4e9),
    ]


def test_lease_whose_value_is_its_guarantee_still_has_a_payment_of_unknown_size() -> None:
    event = make_event("2025-01-01", "definitive", usd=3e9)
    event["value_usd"]["cash"] = False
    sides = (("lab", "tenant"), ("owner", "landlord"), ("bank", "guarantor"))
    asked = ask([make_deal("d", "datacenter_lease", event, parties=sides)])
    assert [(f.kind, f.payer, f.payee, f.is_cash) for f in asked.flows] == [
        ("spend", "lab", "owner", True),
        ("guarantee", "bank", "lab", False),
    ]
    assert (asked.spend["lab"].announced, asked.spend["lab"].unvalued_deal_count) == (None, 1)


# Example H


def observe(
    observation_id: str,
    kind: str,
    of: str,
    value: Any,
    scope: str = "all surfaces",
    known_on: str = "2026-02-01",
) -> dict[str, Any]:
    return {
        "id": observation_id,
        "org": "google",
        "scope": scope,
        "measure": "processed",
        "level": "provider_total",
        "basis": "stated",
        "period": {"kind": kind, "of": of},
        "tokens": {"value": value, "qualifier": "exact"},
        "known_on": known_on,
    }


def test_minute_rate_becomes_tokens_a_month() -> None:
    volume = oracle.normalise(observe("o", "minute", "2025-10-06", "6e9"))
    assert volume.per_month is not None
    assert volume.per_month.base == Fraction("262.98e12")


def test_growth_between_neighbours_and_the_month_between_them() -> None:
    first = observe("april", "month", "2025-04-01", "480e12")
    second = observe("june", "month", "2025-06-01", "980e12")
    year = observe("year", "year", "2025-01-01", "9e15")
    (series,) = oracle.series_of([year, second, first]).values()
    assert [volume.observation_id for volume in series] == ["april", "june"]
    assert [volume.middle for volume in series] == [dt.date(2025, 4, 16), dt.date(2025, 6, 16)]
    growth = oracle.growth_between(*series)
    assert growth is not None
    assert growth[0] == pytest.approx(71.80, abs=0.005)
    assert growth[1] == pytest.approx(59.24, abs=0.005)
    values = oracle.monthly_values(series)
    assert [is_estimated for _, is_estimated in values.values()] == [False, True, False]
    assert 480e12 < values[2025 * 12 + 4][0] < 980e12


def kept_of(*observations: dict[str, Any]) -> list[str]:
    """The ids of the observations of one series that stay, in order."""
    (series,) = oracle.series_of(observations).values()
    return [volume.observation_id for volume in series]


def test_rolling_weeks_leave_the_last_and_those_whole_weeks_before_it() -> None:
    first = dt.date(2025, 3, 1)
    days = [first + dt.timedelta(days=offset) for offset in range(23)]
    assert kept_of(*(observe(day.isoformat(), "week", day.isoformat(), 1) for day in days)) == [
        "2025-03-02",
        "2025-03-09",
        "2025-03-16",
        "2025-03-23",
    ]


def test_observation_that_gave_way_makes_no_other_give_way() -> None:
    wednesday = observe("wednesday", "week", "2025-02-26", 1)
    tuesday = observe("tuesday", "week", "2025-03-04", 1)
    monday = observe("monday", "week", "2025-03-10", 1)
    assert kept_of(wednesday, tuesday) == ["tuesday"]
    assert kept_of(wednesday, tuesday, monday) == ["wednesday", "monday"]


def test_of_one_period_stated_twice_the_later_known_stays() -> None:
    stated = observe("stated", "month", "2025-06-01", 970)
    restated = observe("restated", "month", "2025-06-01", 980, known_on="2026-03-01")
    assert kept_of(restated, stated) == ["restated"]


def test_two_series_have_no_growth_between_them() -> None:
    surfaces = oracle.normalise(observe("a", "month", "2025-04-01", 1))
    api = oracle.normalise(observe("b", "month", "2025-06-01", 1, scope="API"))
    assert oracle.growth_between(surfaces, api) is None


def test_floor_carries_a_silent_series_for_twelve_months_at_most() -> None:
    observations = [
        observe("a", "month", "2025-01-01", 100),
        observe("b", "month", "2026-01-01", 300, scope="another product"),
    ]
    january_2026 = 2026 * 12
    assert oracle.world_floor(observations, january_2026) == (400.0, 0.25)
    assert oracle.world_floor(observations, january_2026 + 1) == (300.0, 1.0)


# Example I


def test_loop_is_listed_once_with_its_smallest_leg() -> None:
    asked = ask(
        [
            make_deal(
                "invest",
                "equity_investment",
                {
                    **make_event("2025-09-22", "letter_of_intent"),
                    "value_usd": {"value": 100e9, "qualifier": "up_to", "conditional": True},
                },
                parties=(("nvidia", "investor"), ("openai", "investee")),
            ),
            make_deal(
                "cloud",
                "cloud_services",
                make_event("2025-07-22", "definitive", usd=300e9),
                parties=(("openai", "customer"), ("oracle", "cloud_provider")),
            ),
            make_deal(
                "chips",
                "compute_supply",
                make_event("2025-05-01", "definitive", usd=40e9),
                parties=(("oracle", "customer"), ("nvidia", "chip_vendor")),
            ),
        ]
    )
    (loop,) = asked.loops
    assert loop.org_ids == ("nvidia", "openai", "oracle")
    assert loop.deal_ids == ("chips", "cloud", "invest")
    assert loop.bottleneck == 40 * 10**9
    assert (loop.has_conditional_leg, loop.has_noncash_leg) == (True, False)


# Example J


def test_implied_spend_is_net_capacity_times_the_cited_cost() -> None:
    asked = ask(
        [make_deal("d", "compute_supply", make_event("2025-01-01", "definitive", 16))],
        assumptions=[
            {"id": "low", "value": 29e9, "as_of": "2025-11"},
            {"id": "seed", "value": 50e9, "as_of": "2025-10-07"},
            {"id": "high", "value": 55e9, "high": 60e9, "as_of": "2025-08-27"},
        ],
        scenarios=[
            {
                "metric": "usd_per_gw",
                "low": {"assumption": "low", "take": "value"},
                "base": {"assumption": "seed", "take": "value"},
                "high": {"assumption": "high", "take": "high"},
            }
        ],
    )
    assert asked.implied("c") == (464 * 10**9, 800 * 10**9, 960 * 10**9)
    earlier = Oracle(asked.ledger, dt.date(2025, 10, 7))
    assert earlier.implied("c") == (None, 800 * 10**9, 960 * 10**9)

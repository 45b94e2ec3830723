"""Hypothesis strategies for small random ledgers that hold what real ones hold, and their knots.

What a ledger may not hold is left out: part_of and supersedes never run in a circle, a party or a
link occurs once in its list, a period does not end before it begins. Amounts are such that shares
and bounds of them are exact to the cent, so that a difference is a wrong rule and not a rounding.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.warehouse.oracle import FLOW_KIND, LAYER_OF_KIND, PAYEE_ROLES

Record = dict[str, Any]

ORGS = ("amber", "birch", "cedar", "delta", "ember", "fjord")
KNOWN_ON = (
    "2025-01-10",
    "2025-01-10",
    "2025-01",
    "2025-03-05",
    "2025-03-05",
    "2025-03-31",
    "2025-Q1",
    "2025-06-15",
    "2025-H1",
    "2025-09-30",
    "2025-11-20",
    "2025",
    "2026-02-01",
    "2026-02-28",
    "2026-02",
)
AS_OF_DAYS = (
    dt.date(2025, 1, 10),
    dt.date(2025, 1, 31),
    dt.date(2025, 3, 5),
    dt.date(2025, 3, 31),
    dt.date(2025, 6, 20),
    dt.date(2025, 6, 30),
    dt.date(2025, 10, 1),
    dt.date(2025, 12, 31),
    dt.date(2026, 2, 1),
    dt.date(2026, 2, 28),
)
TODAY = dt.date(2026, 3, 15)
"""After everything is known."""

STARTS = ("2025", "2025-H2", "2025-Q4", "2026-02", "2026-05-17", "2026-H1", "2027", "2027-09-30")
ENDS = ("2027-12", "2028", "2028-H1", "2029-Q3", "2029-05-31")
PHASE_STARTS = (*STARTS, "2026-H2", "2026-Q3", "2027-01")
PHASE_ENDS = ("2027-11", "2028-Q1", "2028-05-02")
ONLINE_ON = ("2025-08-15", "2026-02", "2026-03-01", "2025", "2025-H2", "2026-Q1")
COMMITMENTS = (
    "plan",
    "letter_of_intent",
    "framework",
    "definitive",
    "definitive",
    "delivered",
    "rumoured",
)
MAX_PART_OF_DEPTH = 4

_USD_UNIT = Decimal("9e8")
"""Thirds of thirds of it, and nine tenths of those, are whole cents."""

_SPEND_KINDS = (
    "compute_supply",
    "compute_supply",
    "cloud_services",
    "cloud_services",
    "datacenter_lease",
    "datacenter_development",
    "power_supply",
)
_CAPITAL_KINDS = ("equity_investment", "debt_financing", "acquisition")
_PLAN_KINDS = ("joint_venture", "expansion_plan")
_KIND_POOLS = (
    (*_SPEND_KINDS, *_SPEND_KINDS, *_CAPITAL_KINDS, *_PLAN_KINDS),
    ("cloud_services",),
    ("compute_supply", "cloud_services"),
    ("datacenter_lease", "datacenter_development", "power_supply"),
    ("compute_supply", "cloud_services", "equity_investment", "debt_financing"),
    (*_CAPITAL_KINDS, *_PLAN_KINDS),
)
"""A ledger draws its kinds from one of these: where all deals are alike, more of them meet."""

_RELATIONS = (
    "part_of",
    "part_of",
    "part_of",
    "part_of",
    "part_of",
    "part_of",
    "overlaps",
    "overlaps",
    "overlaps",
    "supplies",
    "supplies",
    "supersedes",
    "funds",
    "financed_by",
)


def _one_in(number: int) -> st.SearchStrategy[bool]:
    """True about once in so many draws; shrinks to False."""
    return st.integers(0, number - 1).map(lambda drawn: drawn == number - 1)


@st.composite
def _quantities(draw: st.DrawFn, unit: Decimal, *, most: int, ranges: bool = True) -> Record:
    count = draw(st.integers(1, most))
    qualifiers = ("exact", "exact", "about", "up_to", "at_least", "range")
    qualifier = draw(st.sampled_from(qualifiers if ranges else qualifiers[:-1]))
    if qualifier != "range":
        return {"value": unit * count, "qualifier": qualifier}
    above = draw(st.integers(1, 4))
    stated = draw(st.sampled_from((None, 0, above)))
    return {
        "value": None if stated is None else unit * (count + stated),
        "qualifier": "range",
        "low": unit * count,
        "high": unit * (count + above),
    }


def gigawatts() -> st.SearchStrategy[Record]:
    """A capacity of a tenth to twelve gigawatts, without its basis."""
    return _quantities(Decimal("0.1"), most=120)


def dollars() -> st.SearchStrategy[Record]:
    """An amount of up to 90 billion dollars."""
    return _quantities(_USD_UNIT, most=100)


@st.composite
def _terms(draw: st.DrawFn) -> Record:
    return {
        "starts": draw(st.none() | st.sampled_from(STARTS)),
        "ends": draw(st.none() | st.sampled_from(ENDS)),
        "years": draw(st.none() | st.sampled_from((Decimal("0.25"), Decimal("2.5"), 1, 4))),
    }


@st.composite
def _phase_lists(draw: st.DrawFn) -> list[Record]:
    phases = []
    for seq in range(1, draw(st.integers(0, 3)) + 1):
        plain = st.integers(1, 40).map(lambda tenths: Decimal(tenths) / 10)
        phase: Record = {
            "seq": seq,
            "capacity_gw": draw(st.none() | plain | _quantities(Decimal("0.1"), most=40)),
            "starts": draw(st.none() | st.sampled_from(PHASE_STARTS)),
        }
        if phase["starts"] is not None and draw(_one_in(4)):
            phase["ends"] = draw(st.sampled_from(PHASE_ENDS))
        if draw(_one_in(6)):
            phase["online_on"] = draw(st.sampled_from(ONLINE_ON))
        phases.append(phase)
    return phases


@st.composite
def _events(draw: st.DrawFn, *, may_be_noncash: bool) -> list[Record]:
    events: list[Record] = []
    commitment = draw(st.sampled_from(COMMITMENTS))
    for index in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(("reported", "announced", "signed")))
        if index:
            kind = draw(
                st.sampled_from(("amended", "expanded", "reduced", "disputed", "cancelled"))
            )
        if kind == "cancelled":
            commitment = "cancelled"
        elif kind != "disputed" or draw(_one_in(4)):
            commitment = draw(st.sampled_from(COMMITMENTS))
        event: Record = {
            "known_on": draw(st.sampled_from(KNOWN_ON)),
            "kind": kind,
            "commitment": commitment,
            "sources": ["the-document"],
        }
        if draw(st.integers(0, 3)) < (3 if index == 0 else 1):
            basis = (*("unspecified",) * 6, "it", "it", "facility", "utility")
            event["capacity_gw"] = {**draw(gigawatts()), "basis": draw(st.sampled_from(basis))}
        if draw(st.integers(0, 3)) < (3 if index == 0 else 1):
            event["value_usd"] = draw(dollars())
            if may_be_noncash and draw(_one_in(2)):
                event["value_usd"]["cash"] = False
            for mark in ("conditional", "is_estimate"):
                if draw(_one_in(5)):
                    event["value_usd"][mark] = True
        if draw(_one_in(4)):
            online = _quantities(Decimal("0.1"), most=20, ranges=False)
            event["online_gw"] = {**draw(online), "basis": "it"}
        if draw(_one_in(2)):
            event["term"] = draw(_terms())
        if draw(_one_in(4)):
            event["phases"] = draw(_phase_lists())
        events.append(event)
    return events


def _roles_of(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The roles that may be drawn for the two sides of a kind, the likely ones more than once."""
    if kind == "equity_investment":
        return ("investor",), ("investee",)
    if kind == "debt_financing":
        return ("lender",), ("borrower",)
    if kind == "acquisition":
        return ("acquirer",), ("target",)
    if FLOW_KIND[kind] == "plan":
        return ("sponsor", "sponsor", "customer", "developer"), ("operator", "developer")
    return (
        ("customer", "customer", "customer", "tenant", "sponsor", "operator"),
        (*PAYEE_ROLES[kind], PAYEE_ROLES[kind][0], "chip_vendor", "developer"),
    )


_SHARES: dict[int, tuple[tuple[Decimal | None, ...], ...]] = {
    1: ((None,), (None,), (None,), (Decimal("0.6"),)),
    2: (
        (None, None),
        (None, None),
        (Decimal("0.25"), Decimal("0.75")),
        (Decimal("0.4"), None),
        (None, Decimal("0.1")),
        (Decimal("0.5"), Decimal("0.2")),
    ),
    3: (
        (None, None, None),
        (Decimal("0.5"), Decimal("0.3"), Decimal("0.2")),
        (Decimal("0.4"), None, None),
    ),
}


@st.composite
def _parties(
    draw: st.DrawFn, kind: str, pool: tuple[str, ...], *, has_guarantor: bool
) -> list[Record]:
    sides = _roles_of(kind)
    parties: list[Record] = []
    taken: set[str] = set()
    for role in (
        *(draw(st.sampled_from(side)) for side in sides if not draw(_one_in(8))),
        *(draw(st.sampled_from(side)) for side in sides if draw(_one_in(4))),
        *(("guarantor",) if has_guarantor else ()),
    ):
        if role in taken:
            continue
        taken.add(role)
        count = min(draw(st.sampled_from((1, 1, 1, 2, 2, 3))), len(pool))
        likely = st.sampled_from((pool[0], pool[0], *pool))
        orgs = draw(st.lists(likely, min_size=count, max_size=count, unique=True))
        shares = draw(st.sampled_from(_SHARES[count]))
        for org, share in zip(orgs, shares, strict=True):
            party: Record = {"org": org, "role": role}
            if share is not None:
                party["share"] = share
            elif shares.count(None) == count and draw(_one_in(8)):
                party["known_on"] = draw(st.sampled_from(KNOWN_ON))
            parties.append(party)
    return parties


def _depth_of(deal_id: str, deals: dict[str, Record]) -> int:
    """How many deals lie above a deal, whichever of its lists of links is in force."""
    above = [
        link["to"]
        for holder in (deals[deal_id], *deals[deal_id]["events"])
        for link in holder.get("links", ())
        if link["relation"] == "part_of"
    ]
    return max((1 + _depth_of(parent, deals) for parent in above), default=0)


@st.composite
def _link_lists(draw: st.DrawFn, index: int, ids: list[str], deals: dict[str, Record]) -> Any:
    links: list[Record] = []
    for _ in range(draw(st.sampled_from((0, 1, 1, 2, 3)))):
        relation = draw(st.sampled_from(_RELATIONS))
        targets = ids[:index] if relation in ("part_of", "supersedes") else ids
        targets = [target for target in targets if target != ids[index]]
        if relation == "part_of":
            targets = [t for t in targets if _depth_of(t, deals) < MAX_PART_OF_DEPTH]
        targets = [
            target for target in targets if (target, relation) not in {_key(link) for link in links}
        ]
        if not targets:
            continue
        akin = [
            target for target in targets if _is_akin(deals[ids[index]], deals[target], relation)
        ]
        if akin and not draw(_one_in(4)):
            targets = akin
        link: Record = {"to": draw(st.sampled_from(targets)), "relation": relation}
        if relation == "overlaps":
            if draw(_one_in(3)):
                link["shared_gw"] = draw(_quantities(Decimal("0.1"), most=40))
            if draw(_one_in(3)):
                link["shared_usd"] = draw(_quantities(_USD_UNIT, most=30))
        if draw(_one_in(4)):
            link["known_on"] = draw(st.sampled_from(KNOWN_ON))
        links.append(link)
    return links


def _is_akin(deal: Record, target: Record, relation: str) -> bool:
    """Whether a link has something to take off or to pass through."""
    if relation == "supplies":
        sold = PAYEE_ROLES[target["kind"]]
        buyers = {party["org"] for party in deal["parties"] if party["role"] == "customer"}
        return any(p["org"] in buyers and p["role"] in sold for p in target["parties"])
    return LAYER_OF_KIND[deal["kind"]] == LAYER_OF_KIND[target["kind"]]


def _key(link: Record) -> tuple[str, str]:
    return link["to"], link["relation"]


@st.composite
def ledgers(draw: st.DrawFn, *, most_deals: int = 9) -> Record:
    """A whole small ledger: deals with their knots, and the assumptions of implied spend."""
    ids = [f"deal-{letter}" for letter in "abcdefghi"[: draw(st.integers(2, most_deals))]]
    deals: dict[str, Record] = {}
    kinds = st.sampled_from(draw(st.sampled_from(_KIND_POOLS)))
    pool = ORGS[: draw(st.integers(2, len(ORGS)))]
    for deal_id in ids:
        kind = draw(kinds)
        is_plan = FLOW_KIND[kind] == "plan"
        has_guarantor = not is_plan and draw(_one_in(6))
        may_be_noncash = not is_plan and (has_guarantor or draw(_one_in(5)))
        deals[deal_id] = {
            "id": deal_id,
            "title": deal_id,
            "kind": kind,
            "parties": draw(_parties(kind, pool, has_guarantor=has_guarantor)),
            "events": draw(_events(may_be_noncash=may_be_noncash)),
            "confidence": draw(st.sampled_from(("low", "medium", "high"))),
        }
        if draw(_one_in(2)):
            deals[deal_id]["phases"] = draw(_phase_lists())
    for index, deal_id in enumerate(ids):
        deal = deals[deal_id]
        deal["links"] = draw(_link_lists(index, ids, deals))
        for event in deal["events"]:
            if draw(_one_in(10)):
                event["links"] = draw(_link_lists(index, ids, deals))
    return {"deals": list(deals.values()), **_COST_OF_A_GIGAWATT}


_COST_OF_A_GIGAWATT: Record = {
    "assumptions": [
        {"id": "cost-low", "value": Decimal("29e9"), "as_of": "2025-11"},
        {"id": "cost-base", "value": Decimal("50e9"), "as_of": "2025-03-05"},
        {
            "id": "cost-high",
            "value": Decimal("55e9"),
            "low": Decimal("50e9"),
            "high": Decimal("60e9"),
            "as_of": "2024",
            "known_on": "2025-06-20",
        },
    ],
    "scenarios": [
        {
            "metric": "usd_per_gw",
            "unit": "usd_per_gw",
            "low": {"assumption": "cost-low", "take": "value"},
            "base": {"assumption": "cost-base", "take": "value"},
            "high": {"assumption": "cost-high", "take": "high"},
        }
    ],
}

_TOKEN_PERIODS = (
    {"kind": "month", "of": "2025-01-01"},
    {"kind": "month", "of": "2025-02-01"},
    {"kind": "month", "of": "2025-06-01"},
    {"kind": "quarter", "of": "2025-07-01"},
    {"kind": "day", "of": "2025-11-12"},
    {"kind": "minute", "of": "2025-12-03"},
    {"kind": "week", "of": "2026-01-05"},
    {"kind": "year", "of": "2025-01-01"},
    {"kind": "half", "of": "2025-07-01"},
    {"kind": "cumulative", "of": "2025-09-15", "to": "2025-10-06"},
)
_FIRST_ROLLING_DAY = dt.date(2025, 2, 24)


def _days_later(day: dt.date, days: int) -> str:
    return (day + dt.timedelta(days=days)).isoformat()


def _rolling_weeks() -> st.SearchStrategy[Record]:
    """Weeks that begin on any day."""
    return st.integers(0, 40).map(
        lambda offset: {"kind": "week", "of": _days_later(_FIRST_ROLLING_DAY, offset)}
    )


def _custom_spans() -> st.SearchStrategy[Record]:
    """Counts over some days, most of them of a few lengths."""
    lengths = st.sampled_from((3, 7, 28, 28, 30, 30, 30, 31)) | st.integers(2, 75)
    return st.tuples(st.integers(0, 200), lengths).map(
        lambda drawn: {
            "kind": "cumulative",
            "of": _days_later(_FIRST_ROLLING_DAY, drawn[0]),
            "to": _days_later(_FIRST_ROLLING_DAY, drawn[0] + drawn[1] - 1),
        }
    )


_TOKEN_PERIOD_POOLS = (
    st.sampled_from(_TOKEN_PERIODS),
    _rolling_weeks(),
    _custom_spans(),
    st.sampled_from(_TOKEN_PERIODS) | _rolling_weeks() | _custom_spans(),
)
"""A series draws its periods from one of these: rolling weeks meet where all are weeks."""

_TOKENS_KNOWN_ON = ("2026-02-01", "2026-02-01", "2026-02", "2025-12-31")


@st.composite
def token_observations(draw: st.DrawFn) -> list[Record]:
    """Observations of a few series; periods overlap, and some are stated again later."""
    observations: list[Record] = []
    for scope in ("all surfaces", "API", "a product"):
        org = draw(st.sampled_from(ORGS[:2]))
        periods = draw(st.sampled_from(_TOKEN_PERIOD_POOLS))
        for period in draw(st.lists(periods, max_size=16)):
            observations.append(
                {
                    "id": f"observation-{draw(st.integers(0, 99)):02}-{len(observations):02}",
                    "org": org,
                    "scope": scope,
                    "measure": draw(st.sampled_from((*("processed",) * 7, "peak_processed"))),
                    "level": "provider_total",
                    "basis": "stated",
                    "period": period,
                    "tokens": draw(_quantities(Decimal("3e9"), most=1000)),
                    "known_on": draw(st.sampled_from(_TOKENS_KNOWN_ON)),
                    "sources": ["the-document"],
                    "confidence": "medium",
                }
            )
    return observations


def _renamed(record: Any, prefix: str) -> Any:
    """The record with every deal and organisation renamed, so that ledgers can lie side by side."""
    if isinstance(record, list):
        return [_renamed(member, prefix) for member in record]
    if not isinstance(record, dict):
        return record
    return {
        name: f"{prefix}-{value}"
        if name == "org" or (name in ("id", "to") and str(value).startswith("deal-"))
        else _renamed(value, prefix)
        for name, value in record.items()
    }


def side_by_side(several: list[Record]) -> Record:
    """Several ledgers as one: they touch in nothing but the totals of `all`."""
    return {
        "deals": [
            _renamed(deal, f"w{number}")
            for number, ledger in enumerate(several, 1)
            for deal in ledger["deals"]
        ],
        **_COST_OF_A_GIGAWATT,
    }


def batches(*, most: int = 12) -> st.SearchStrategy[Record]:
    """Several small ledgers side by side, since a build costs the same for one and for many."""
    return st.lists(ledgers(most_deals=7), min_size=3, max_size=most).map(side_by_side)

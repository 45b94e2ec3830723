"""The rules of docs/semantics.md in plain Python, to hold the SQL models against.

Written from the design alone. A ledger is a mapping of lists of plain dicts in the ledger's own
form (`deals`, `assumptions`, `scenarios`, `token_observations`); every answer is as of a day.
Amounts are fractions until they are rounded where the design rounds them. Nothing here reads
files or SQL.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

Record = Mapping[str, Any]
Ledger = Mapping[str, Sequence[Record]]
Month = int
"""A month as year * 12 + (month - 1), so that months can be counted."""

UNDISCLOSED = "undisclosed"
ALL = "all"
ANNOUNCED = frozenset({"plan", "letter_of_intent", "framework", "definitive", "delivered"})
FIRM = frozenset({"definitive", "delivered"})
LAYER_OF_KIND = {
    "power_supply": "power",
    "datacenter_lease": "site",
    "datacenter_development": "site",
    "compute_supply": "chips",
    "cloud_services": "cloud",
    "equity_investment": "capital",
    "debt_financing": "capital",
    "acquisition": "capital",
    "joint_venture": "plan",
    "expansion_plan": "plan",
}
COMPUTE_LAYERS = ("chips", "cloud", "site")
"""In the order that settles a tie for the binding layer."""

CUSTOMER_ROLES = ("customer", "tenant")
STAND_IN_ROLES = ("sponsor", "developer", "operator")
KINDS_WITH_STAND_IN = frozenset(
    {"datacenter_lease", "datacenter_development", "joint_venture", "expansion_plan"}
)
FLOW_KIND = {
    "compute_supply": "spend",
    "cloud_services": "spend",
    "datacenter_lease": "spend",
    "datacenter_development": "spend",
    "power_supply": "spend",
    "equity_investment": "equity",
    "debt_financing": "debt",
    "acquisition": "acquisition",
    "joint_venture": "plan",
    "expansion_plan": "plan",
}
PAYEE_ROLES: dict[str, tuple[str, ...]] = {
    "compute_supply": ("supplier", "chip_vendor"),
    "cloud_services": ("cloud_provider", "supplier"),
    "datacenter_lease": ("landlord", "developer", "operator"),
    "datacenter_development": ("developer", "supplier"),
    "power_supply": ("power_supplier", "supplier"),
    "equity_investment": ("investee",),
    "debt_financing": ("borrower",),
    "acquisition": ("target",),
    "joint_venture": (),
    "expansion_plan": (),
}
_SPENDER = ("customer", "tenant", "sponsor", "operator")
PAYER_ROLES: dict[str, tuple[str, ...]] = {
    "compute_supply": _SPENDER,
    "cloud_services": _SPENDER,
    "datacenter_lease": ("tenant", "customer", "sponsor", "operator"),
    "datacenter_development": _SPENDER,
    "power_supply": _SPENDER,
    "equity_investment": ("investor",),
    "debt_financing": ("lender",),
    "acquisition": ("acquirer",),
    "joint_venture": _SPENDER,
    "expansion_plan": _SPENDER,
}
BACKED_ROLES = ("borrower", "tenant", "customer", "developer")
GW_DIGITS = 9
USD_DIGITS = 2
DAYS_IN_MONTH = Fraction(304375, 10000)
MINUTES_IN_DAY = 1440


@dataclass(frozen=True)
class Bounds:
    """Low, base and high of one figure."""

    low: Fraction
    base: Fraction
    high: Fraction

    def __add__(self, other: Bounds) -> Bounds:
        return Bounds(self.low + other.low, self.base + other.base, self.high + other.high)

    def times(self, factor: Fraction) -> Bounds:
        """Every bound multiplied by the factor."""
        return Bounds(self.low * factor, self.base * factor, self.high * factor)

    def most(self, other: Bounds) -> Bounds:
        """The larger of the two, bound by bound."""
        return self._by_bound(other, max)

    def least(self, other: Bounds) -> Bounds:
        """The smaller of the two, bound by bound."""
        return self._by_bound(other, min)

    def minus(self, other: Bounds) -> Bounds:
        """What is left, bound by bound (low less low)."""
        return self._by_bound(other, lambda mine, theirs: mine - theirs)

    def _by_bound(self, other: Bounds, combine: Callable[[Fraction, Fraction], Fraction]) -> Bounds:
        return Bounds(
            combine(self.low, other.low),
            combine(self.base, other.base),
            combine(self.high, other.high),
        )

    def as_tuple(self) -> tuple[Fraction, Fraction, Fraction]:
        """The three numbers in order."""
        return (self.low, self.base, self.high)


ZERO = Bounds(Fraction(0), Fraction(0), Fraction(0))


def sum_bounds(figures: Iterable[Bounds | None]) -> Bounds:
    """The sum; what is unknown adds nothing."""
    total = ZERO
    for figure in figures:
        total = total + (figure or ZERO)
    return total


def most_bounds(figures: Iterable[Bounds | None]) -> Bounds:
    """The largest, bound by bound; what is unknown counts as nothing."""
    largest = ZERO
    for figure in figures:
        largest = largest.most(figure or ZERO)
    return largest


def sum_known(figures: Iterable[Bounds | None]) -> Bounds | None:
    """The sum; nothing where there is no figure, unknown where none of them is known."""
    figures = list(figures)
    if figures and all(figure is None for figure in figures):
        return None
    return sum_bounds(figures)


def most_known(figures: Iterable[Bounds | None]) -> Bounds | None:
    """The largest; nothing where there is no figure, unknown where none of them is known."""
    figures = list(figures)
    if figures and all(figure is None for figure in figures):
        return None
    return most_bounds(figures)


def base_of(figure: Bounds | None) -> Fraction | None:
    """The base of a figure that may be unknown."""
    return None if figure is None else figure.base


def to_fraction(number: Any) -> Fraction:
    """A number as written, exactly."""
    return Fraction(Decimal(str(number)))


def round_half_up(number: Fraction, digits: int) -> Fraction:
    """The number rounded half away from zero."""
    scaled = number * 10**digits
    whole = math.floor(abs(scaled) + Fraction(1, 2))
    return Fraction(whole if scaled >= 0 else -whole, 10**digits)


def to_bounds(quantity: Any, *, digits: int) -> Bounds | None:
    """S1: the bounds of a quantity; a plain number is exact; None where no figure is stated."""
    if quantity is None:
        return None
    if not isinstance(quantity, Mapping):
        quantity = {"value": quantity, "qualifier": "exact"}
    qualifier = quantity.get("qualifier", "exact")
    stated = quantity.get("value")
    if qualifier == "range":
        low, high = to_fraction(quantity["low"]), to_fraction(quantity["high"])
        base = (low + high) / 2 if stated is None else to_fraction(stated)
    elif stated is None:
        return None
    else:
        base = to_fraction(stated)
        low, high = {
            "exact": (base, base),
            "about": (base * Fraction(9, 10), base * Fraction(11, 10)),
            "up_to": (Fraction(0), base),
            "at_least": (base, base),
        }[qualifier]
    return Bounds(*(round_half_up(bound, digits) for bound in (low, base, high)))


def to_period(text: Any) -> tuple[dt.date, dt.date]:
    """First and last day of a date written as a day, month, quarter, half or year."""
    written = text.isoformat() if isinstance(text, dt.date) else str(text)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", written):
        day = dt.date.fromisoformat(written)
        return day, day
    year = int(written[:4])
    part = written[5:]
    if not part:
        first_month, months = 1, 12
    elif part[0] == "Q":
        first_month, months = 3 * int(part[1:]) - 2, 3
    elif part[0] == "H":
        first_month, months = 6 * int(part[1:]) - 5, 6
    else:
        first_month, months = int(part), 1
    last_month = first_month + months - 1
    last = dt.date(year, last_month, calendar.monthrange(year, last_month)[1])
    return dt.date(year, first_month, 1), last


def last_day_of(text: Any) -> dt.date:
    """The day on which something dated so counts as known."""
    return to_period(text)[1]


def month_of(day: dt.date) -> Month:
    """The month of a day."""
    return day.year * 12 + day.month - 1


def first_day_of(month: Month) -> dt.date:
    """The first day of a month."""
    return dt.date(month // 12, month % 12 + 1, 1)


@dataclass(frozen=True)
class Link:
    """A link that is in force on a day."""

    to: str
    relation: str
    shared_gw: Bounds | None
    shared_usd: Bounds | None


@dataclass(frozen=True)
class Phase:
    """A phase as last stated."""

    seq: int
    capacity: Bounds | None
    starts: Any
    ends: Any
    online_on: Any


@dataclass(frozen=True)
class Party:
    """A party that is known on a day, and since when."""

    org: str
    role: str
    share: Fraction | None
    known_on: dt.date


@dataclass(frozen=True)
class State:
    """S2 to S4: one deal as known on a day."""

    deal_id: str
    kind: str
    layer: str
    first_known_on: dt.date
    last_known_on: dt.date
    commitment: str
    is_disputed: bool
    capacity: Bounds | None
    basis: str | None
    online: Bounds | None
    value: Bounds | None
    is_cash: bool
    is_conditional: bool
    is_estimate: bool
    term: Mapping[str, Any]
    phases: tuple[Phase, ...]
    links: tuple[Link, ...]
    parties: tuple[Party, ...]
    value_known_on: dt.date | None = None

    @property
    def is_announced(self) -> bool:
        """All but rumoured and cancelled."""
        return self.commitment in ANNOUNCED

    @property
    def is_firm(self) -> bool:
        """Definitive or delivered."""
        return self.commitment in FIRM

    def orgs(self, role: str) -> list[str]:
        """The organisations that have the role."""
        return [party.org for party in self.parties if party.role == role]

    @property
    def customers(self) -> list[str]:
        """S5: the organisations whose compute this deal is."""
        named = [org for role in CUSTOMER_ROLES for org in self.orgs(role)]
        if not named and self.kind in KINDS_WITH_STAND_IN:
            named = [org for role in STAND_IN_ROLES for org in self.orgs(role)]
        return sorted(set(named))

    @property
    def paid(self) -> Bounds | None:
        """S6: the value as money; what an outsider estimates is an amount that nobody stated."""
        return None if self.is_estimate else self.value

    @property
    def is_value_guarantee(self) -> bool:
        """Whether the value is that of a promise to stand in for somebody."""
        return bool(self.orgs("guarantor")) and self.value is not None and not self.is_cash


@dataclass(frozen=True)
class Flow:
    """S6: money from a payer to a payee, of a known or an unknown amount."""

    deal_id: str
    payer: str
    payee: str
    kind: str
    share: Fraction
    amount: Bounds | None
    is_cash: bool
    is_conditional: bool
    known_on: dt.date
    is_pass_through: bool = False


@dataclass(frozen=True)
class Netted:
    """S5: the total of a set of deals within one layer or flow kind, and what it leaves out.

    No deal is nothing (0); deals of which none states a figure are unknown (None).
    """

    gross: Bounds | None = ZERO
    total: Bounds | None = ZERO
    part_of: Fraction = Fraction(0)
    overlap: Fraction = Fraction(0)


@dataclass(frozen=True)
class CapacityRow:
    """A row of capacity_by_customer."""

    gross: Bounds | None
    total: Bounds | None
    firm: Bounds | None
    online_base: Fraction | None
    deal_count: int
    is_binding: bool


@dataclass(frozen=True)
class SpendRow:
    """A row of spend_by_customer; None is unknown."""

    announced: Bounds | None
    firm_base: Fraction | None
    implied: tuple[Fraction | None, Fraction | None, Fraction | None]
    capital_raised: Fraction | None
    pass_through: Fraction | None
    contingent: Fraction | None
    planned: Fraction | None
    unvalued_deal_count: int
    unvalued_capital_count: int
    unvalued_pass_through_count: int


@dataclass(frozen=True)
class Loop:
    """S11: a cycle of organisations, from the one whose id sorts first."""

    org_ids: tuple[str, ...]
    deal_ids: tuple[str, ...]
    bottleneck: Fraction | None
    unvalued_leg_count: int
    has_conditional_leg: bool
    has_noncash_leg: bool


@dataclass(frozen=True)
class Scheduled:
    """S8: what of a figure falls into months, with the basis, and what does not."""

    months: Mapping[tuple[str, Month], Bounds] = field(default_factory=dict)
    unscheduled: Bounds = ZERO


def _to_link(link: Record) -> Link:
    return Link(
        to=link["to"],
        relation=link["relation"],
        shared_gw=to_bounds(link.get("shared_gw"), digits=GW_DIGITS),
        shared_usd=to_bounds(link.get("shared_usd"), digits=USD_DIGITS),
    )


def _to_party(party: Record, first_known_on: dt.date) -> Party:
    known_on = party.get("known_on")
    return Party(
        org=party["org"],
        role=party["role"],
        share=None if party.get("share") is None else to_fraction(party["share"]),
        known_on=first_known_on if known_on is None else last_day_of(known_on),
    )


def _to_phase(phase: Record) -> Phase:
    return Phase(
        seq=phase["seq"],
        capacity=to_bounds(phase.get("capacity_gw"), digits=GW_DIGITS),
        starts=phase.get("starts"),
        ends=phase.get("ends"),
        online_on=phase.get("online_on"),
    )


def events_in_order(deal: Record) -> list[tuple[dt.date, Record]]:
    """Every event with its known day, by (day, position in the file)."""
    dated = [(last_day_of(event["known_on"]), event) for event in deal["events"]]
    return sorted(dated, key=lambda pair: pair[0])


def fold_deal(deal: Record, day: dt.date) -> State | None:
    """S2 and S3: the deal as known on the day, or None before its first event."""
    known = [(known_on, event) for known_on, event in events_in_order(deal) if known_on <= day]
    if not known:
        return None
    commitment: str | None = None
    capacity: Record | None = None
    online: Any = None
    value: Record | None = None
    value_known_on: dt.date | None = None
    term: Mapping[str, Any] = {}
    phases: Sequence[Record] = deal.get("phases") or ()
    links: Sequence[Record] = deal.get("links") or ()
    for known_on, event in known:
        if commitment is None or event["kind"] != "disputed":
            commitment = event["commitment"]
        capacity = event.get("capacity_gw") or capacity
        online = event.get("online_gw") or online
        if event.get("value_usd"):
            if _money_of(value) != _money_of(event["value_usd"]):
                value_known_on = known_on
            value = event["value_usd"]
        term = event.get("term") or term
        phases = event["phases"] if event.get("phases") is not None else phases
        links = event["links"] if event.get("links") is not None else links
    assert commitment is not None
    basis = capacity.get("basis", "unspecified") if capacity else None
    return State(
        deal_id=deal["id"],
        kind=deal["kind"],
        layer="power" if basis == "utility" else LAYER_OF_KIND[deal["kind"]],
        first_known_on=known[0][0],
        last_known_on=known[-1][0],
        commitment=commitment,
        is_disputed=known[-1][1]["kind"] == "disputed",
        capacity=to_bounds(capacity, digits=GW_DIGITS),
        basis=basis,
        online=to_bounds(online, digits=GW_DIGITS),
        value=to_bounds(value, digits=USD_DIGITS),
        is_cash=value is None or value.get("cash", True),
        is_conditional=value is not None and value.get("conditional", False),
        is_estimate=value is not None and value.get("is_estimate", False),
        term=term,
        phases=tuple(sorted(map(_to_phase, phases), key=lambda phase: phase.seq)),
        links=tuple(
            _to_link(link)
            for link in links
            if link.get("known_on") is None or last_day_of(link["known_on"]) <= day
        ),
        parties=tuple(
            party
            for party in (_to_party(party, known[0][0]) for party in deal["parties"])
            if party.known_on <= day
        ),
        value_known_on=value_known_on,
    )


def _money_of(value: Record | None) -> tuple[Any, ...] | None:
    """What makes a stated value another one."""
    if value is None:
        return None
    bounds = to_bounds(value, digits=USD_DIGITS)
    return (bounds, value.get("cash", True), value.get("is_estimate", False))


def net_set(
    amounts: Mapping[str, Bounds | None],
    links_of: Mapping[str, Sequence[Link]],
    share_of: Callable[[Link], Bounds | None],
    *,
    portions: Mapping[str, Fraction] | None = None,
) -> Netted:
    """S5: gross, parts, overlaps and total of a set of deals within one layer or flow kind.

    Args:
        amounts: What each deal of the set states, None where it states nothing.
        links_of: The links of every deal that are in force.
        share_of: What a link of two overlapping deals says that they share.
        portions: The part of each deal that the amounts are of; the whole if left out.
    """
    if amounts and all(amount is None for amount in amounts.values()):
        return Netted(None, None)
    children: dict[str, list[str]] = defaultdict(list)
    top_level = []
    for deal_id in sorted(amounts):
        holder = next((above for above in _holders(deal_id, links_of) if above in amounts), None)
        if holder is None:
            top_level.append(deal_id)
        else:
            children[holder].append(deal_id)

    def counted(deal_id: str) -> Bounds:
        parts = sum_bounds(counted(child) for child in children[deal_id])
        return (amounts[deal_id] or ZERO).most(parts)

    shared_of_pair: dict[tuple[str, str], Bounds | None] = {}
    for deal_id in sorted(amounts):
        for link in links_of[deal_id]:
            if link.relation != "overlaps" or link.to not in amounts or link.to == deal_id:
                continue
            first, second = sorted((deal_id, link.to))
            if first in _holders(second, links_of) or second in _holders(first, links_of):
                continue
            stated = share_of(link)
            if shared_of_pair.get((first, second)) is None:
                shared_of_pair[first, second] = stated
    shared = ZERO
    for (first, second), stated in shared_of_pair.items():
        one, other = amounts[first], amounts[second]
        if one is not None and other is not None:
            smaller = one.least(other)
            if stated is None:
                stated = Bounds(Fraction(0), smaller.base, smaller.high)
            elif portions is not None:
                stated = stated.times(min(portions[first], portions[second]))
            shared = shared + stated.least(Bounds(smaller.high, smaller.base, smaller.high))

    gross = sum_bounds(amounts.values())
    summed = sum_bounds(counted(deal_id) for deal_id in top_level)
    less_shared = Bounds(
        summed.low - shared.high, summed.base - shared.base, summed.high - shared.low
    )
    total = less_shared.most(most_bounds(amounts.values()))
    return Netted(
        gross=gross,
        total=total,
        part_of=gross.base - summed.base,
        overlap=summed.base - total.base,
    )


def _holders(deal_id: str, links_of: Mapping[str, Sequence[Link]]) -> list[str]:
    """The deals that a deal lies inside, the nearest first, in the order stated."""
    found: list[str] = []
    # Each deal reached, with the place of its first link among those of the deal that we started at.
    near = [
        (place, link.to)
        for place, link in enumerate(links_of[deal_id])
        if link.relation == "part_of"
    ]
    while near:
        near.sort()
        found += [holder for _, holder in near if holder not in found and holder != deal_id]
        near = [
            (place, link.to)
            for place, holder in near
            for link in links_of[holder]
            if link.relation == "part_of"
        ]
    return found


def _spread(total: Bounds, first: Month, last: Month, digits: int) -> dict[Month, Bounds]:
    """The total evenly over the months, rounded cumulatively so that it ties exactly."""
    count = last - first + 1

    def until(bound: Fraction, months: int) -> Fraction:
        return round_half_up(bound * months / count, digits)

    return {
        first + index: Bounds(
            *(until(bound, index + 1) - until(bound, index) for bound in total.as_tuple())
        )
        for index in range(count)
    }


def term_months(term: Mapping[str, Any]) -> tuple[Month | None, Month | None]:
    """First and last month of a term, each None where it is not known."""
    first = month_of(to_period(term["starts"])[0]) if term.get("starts") else None
    if term.get("ends"):
        return first, month_of(last_day_of(term["ends"]))
    if first is not None and term.get("years") is not None:
        months = int(round_half_up(to_fraction(term["years"]) * 12, 0))
        return first, first + months - 1
    return first, None


def schedule_capacity(state: State) -> Scheduled:
    """S8: the months in which a deal's capacity is to come online."""
    if state.capacity is None:
        return Scheduled()
    months: dict[tuple[str, Month], Bounds] = defaultdict(lambda: ZERO)
    left = state.capacity
    last_phase_month: Month | None = None
    for phase in state.phases:
        if phase.capacity is None or not (phase.starts or phase.online_on):
            continue
        first = month_of(to_period(phase.online_on or phase.starts)[0])
        last = month_of(last_day_of(phase.online_on or phase.ends or phase.starts))
        part = phase.capacity.least(left)
        left = left.minus(part)
        last_phase_month = max(last, last_phase_month or last)
        for month, amount in _spread(part, first, last, GW_DIGITS).items():
            months["stated", month] = months["stated", month] + amount
    starts, ends = term_months(state.term)
    first_left = starts if last_phase_month is None else last_phase_month + 1
    if first_left is not None and ends is not None and first_left <= ends:
        for month, amount in _spread(left, first_left, ends, GW_DIGITS).items():
            months["spread", month] = amount
        left = ZERO
    return Scheduled({key: amount for key, amount in months.items() if amount != ZERO}, left)


def schedule_money(amount: Bounds, term: Mapping[str, Any]) -> Scheduled:
    """S8: the months over which money is spent."""
    first, last = term_months(term)
    if first is None or last is None or first > last:
        return Scheduled({}, amount)
    spread = _spread(amount, first, last, USD_DIGITS)
    return Scheduled({("spread", month): part for month, part in spread.items() if part != ZERO})


def phase_slips(deal: Record, day: dt.date) -> dict[int, tuple[dt.date, dt.date, int]]:
    """S8: first promise, latest promise or actual start, and days between, by promised phase.

    Every list counts, those of one day in the order of the file. What was never promised cannot
    slip.
    """
    known = [event for known_on, event in events_in_order(deal) if known_on <= day]
    first: dict[int, dt.date] = {}
    latest: dict[int, dt.date] = {}
    for holder in (deal, *known) if known else ():
        for phase in holder.get("phases") or ():
            seq = phase["seq"]
            if phase.get("starts"):
                latest[seq] = to_period(phase["starts"])[0]
                first.setdefault(seq, latest[seq])
            if phase.get("online_on"):
                latest[seq] = to_period(phase["online_on"])[0]
    return {
        seq: (promised, latest[seq], (latest[seq] - promised).days)
        for seq, promised in first.items()
    }


class Oracle:
    """What the ledger says as of one day."""

    def __init__(self, ledger: Ledger, day: dt.date) -> None:
        self.ledger = ledger
        self.day = day

    @cached_property
    def states(self) -> dict[str, State]:
        """Every deal known on the day."""
        folded = (fold_deal(deal, self.day) for deal in self.ledger["deals"])
        return {state.deal_id: state for state in folded if state is not None}

    @cached_property
    def links(self) -> dict[str, list[Link]]:
        """The links in force whose two deals are both known."""
        return {
            deal_id: [link for link in state.links if link.to in self.states]
            for deal_id, state in self.states.items()
        }

    @cached_property
    def superseded(self) -> set[str]:
        """The deals that an announced deal replaces."""
        return {
            link.to
            for deal_id, links in self.links.items()
            for link in links
            if link.relation == "supersedes"
            and link.to != deal_id
            and self.states[deal_id].is_announced
        }

    @cached_property
    def counting(self) -> dict[str, State]:
        """The deals that count: announced and not superseded."""
        return {
            deal_id: state
            for deal_id, state in self.states.items()
            if state.is_announced and deal_id not in self.superseded
        }

    def _customers_of(self, state: State) -> list[str]:
        return [*state.customers, ALL]

    def _net_capacity(self, customer: str, layer: str, scope: str = "announced") -> Netted:
        counted = {
            deal_id: state
            for deal_id, state in self.counting.items()
            if state.layer == layer and customer in self._customers_of(state)
        }
        if scope == "online":
            running = {deal_id: s.online for deal_id, s in counted.items() if s.online is not None}
            if layer == "plan":
                return Netted(sum_known(running.values()), most_known(running.values()))
            return net_set(running, self.links, lambda link: link.shared_gw)
        amounts = {
            deal_id: state.capacity
            for deal_id, state in counted.items()
            if state.is_firm or scope == "announced"
        }
        if layer == "plan":
            return Netted(sum_known(amounts.values()), most_known(amounts.values()))
        return net_set(amounts, self.links, lambda link: link.shared_gw)

    def _online_base(self, customer: str, layers: Iterable[str]) -> Fraction | None:
        """What runs, netted as the contracts that it is part of; None where nothing is stated."""
        running = [self._net_capacity(customer, layer, "online") for layer in layers]
        return max((n.total.base for n in running if n.total and n.total != ZERO), default=None)

    @cached_property
    def customers(self) -> list[str]:
        """Every organisation that is a customer of a deal that counts, and `all`."""
        return sorted(
            {
                customer
                for state in self.counting.values()
                if state.layer != "capital"
                for customer in self._customers_of(state)
            }
        )

    @cached_property
    def capacity(self) -> dict[tuple[str, str], CapacityRow]:
        """S5: capacity_by_customer, by (customer, layer)."""
        rows: dict[tuple[str, str], CapacityRow] = {}
        for customer in self.customers:
            counts = {
                layer: sum(
                    state.layer == layer and customer in self._customers_of(state)
                    for state in self.counting.values()
                )
                for layer in (*COMPUTE_LAYERS, "power", "plan")
            }
            netted = {
                layer: self._net_capacity(customer, layer)
                for layer, count in counts.items()
                if count
            }
            firm = {layer: self._net_capacity(customer, layer, "firm") for layer in netted}
            compute = [layer for layer in COMPUTE_LAYERS if layer in netted]
            binding = max(
                (layer for layer in compute if netted[layer].total is not None),
                key=lambda layer: ((netted[layer].total or ZERO).base, _high_of(netted[layer])),
                default=None,
            )
            for layer, announced in netted.items():
                rows[customer, layer] = CapacityRow(
                    gross=announced.gross,
                    total=announced.total,
                    firm=firm[layer].total,
                    online_base=self._online_base(customer, [layer]),
                    deal_count=counts[layer],
                    is_binding=layer == binding,
                )
            if compute:
                firm_layers = [
                    firm[layer].total for layer in compute if self._has_firm(customer, layer)
                ]
                rows[customer, "net"] = CapacityRow(
                    gross=sum_known(netted[layer].gross for layer in compute),
                    total=most_known(netted[layer].total for layer in compute),
                    firm=most_known(firm_layers),
                    online_base=self._online_base(customer, compute),
                    deal_count=sum(counts[layer] for layer in compute),
                    is_binding=False,
                )
        return rows

    def _has_firm(self, customer: str, layer: str) -> bool:
        return any(
            state.is_firm and state.layer == layer and customer in self._customers_of(state)
            for state in self.counting.values()
        )

    @cached_property
    def eliminations(self) -> dict[tuple[str, str, str], Fraction]:
        """S5: what is taken off the base, by (customer, layer, reason), where it is not nothing."""
        taken: dict[tuple[str, str, str], Fraction] = {}
        for customer, layer in self.capacity:
            if layer not in COMPUTE_LAYERS:
                continue
            netted = self._net_capacity(customer, layer)
            taken[customer, layer, "part_of"] = netted.part_of
            taken[customer, layer, "overlap"] = netted.overlap
            if netted.total is not None and not self.capacity[customer, layer].is_binding:
                taken[customer, layer, "layer"] = netted.total.base
        return {key: amount for key, amount in taken.items() if amount}

    @cached_property
    def flows(self) -> list[Flow]:
        """S6: the money flows of the deals that count."""
        plain = [flow for state in self.counting.values() for flow in _flows_of(state)]
        paid = {
            (flow.deal_id, flow.payee)
            for flow in plain
            if flow.kind == "spend" and flow.payee != UNDISCLOSED
        }
        served = {
            (deal_id, payee)
            for deal_id, links in self.links.items()
            for link in links
            for target, payee in paid
            if link.relation == "supplies" and link.to == target
        }
        return [
            Flow(
                **{
                    **flow.__dict__,
                    "is_pass_through": flow.kind == "spend"
                    and (flow.deal_id, flow.payer) in served,
                }
            )
            for flow in plain
        ]

    def _net_money(self, flows: Iterable[Flow], *, firm: bool = False) -> Bounds | None:
        """Parts and overlaps netted within one flow kind, over the cash flows given."""
        amounts: dict[str, Bounds | None] = {}
        portions: dict[str, Fraction] = defaultdict(Fraction)
        for flow in flows:
            if not flow.is_cash or (firm and not self.states[flow.deal_id].is_firm):
                continue
            amounts.setdefault(flow.deal_id, None)
            portions[flow.deal_id] += flow.share
            if flow.amount is not None:
                amounts[flow.deal_id] = (amounts[flow.deal_id] or ZERO) + flow.amount
        return net_set(
            amounts, self.links, lambda link: link.shared_usd, portions=portions
        ).total

    def usd_per_gw(self) -> tuple[Fraction | None, Fraction | None, Fraction | None]:
        """S7: the cited cost of a gigawatt by scenario, each None until its assumption is known."""
        known = {
            assumption["id"]: assumption
            for assumption in self.ledger.get("assumptions", ())
            if last_day_of(assumption.get("known_on") or assumption["as_of"]) <= self.day
        }
        found: list[Fraction | None] = []
        scenarios = [s for s in self.ledger.get("scenarios", ()) if s["metric"] == "usd_per_gw"]
        for name in ("low", "base", "high"):
            part = scenarios[0][name] if scenarios else None
            assumption = known.get(part["assumption"]) if part else None
            figure = assumption.get(part["take"]) if assumption and part else None
            found.append(None if figure is None else to_fraction(figure))
        return found[0], found[1], found[2]

    def implied(self, customer: str) -> tuple[Fraction | None, Fraction | None, Fraction | None]:
        """S7: net capacity times dollars a gigawatt."""
        row = self.capacity.get((customer, "net"))
        if row is None or row.total is None:
            return (None, None, None)
        low, base, high = (
            None if price is None else bound * price
            for bound, price in zip(row.total.as_tuple(), self.usd_per_gw(), strict=True)
        )
        return low, base, high

    @cached_property
    def spend(self) -> dict[str, SpendRow]:
        """S6: spend_by_customer: whoever pays, is paid or is a customer, and `all`."""
        orgs = {org for flow in self.flows for org in (flow.payer, flow.payee)} - {UNDISCLOSED}
        orgs.update(org for state in self.counting.values() for org in self._customers_of(state))
        return {org: self._spend_of(org) for org in orgs}

    def _spend_of(self, org: str) -> SpendRow:
        paid = [flow for flow in self.flows if org in (flow.payer, ALL)]
        received = [flow for flow in self.flows if org in (flow.payee, ALL)]
        spend = [flow for flow in paid if flow.kind == "spend" and flow.is_cash]
        own = [flow for flow in spend if org != ALL or not flow.is_pass_through]
        plans: dict[str, list[Bounds | None]] = defaultdict(list)
        for flow in paid:
            if flow.kind == "plan":
                plans[flow.deal_id].append(flow.amount)
        raised = [
            self._net_money(flows)
            for flows in (
                [flow for flow in received if flow.kind == kind and flow.is_cash]
                for kind in ("equity", "debt")
            )
            if flows
        ]
        return SpendRow(
            announced=self._net_money(own),
            firm_base=base_of(self._net_money(own, firm=True)),
            implied=self.implied(org),
            capital_raised=base_of(sum_known(raised)),
            pass_through=base_of(self._net_money(f for f in spend if f.is_pass_through)),
            contingent=base_of(sum_known(f.amount for f in paid if f.kind == "guarantee")),
            planned=base_of(most_known(map(sum_known, plans.values()))),
            unvalued_deal_count=_unvalued(own),
            unvalued_capital_count=_unvalued(
                flow for flow in received if flow.kind in ("equity", "debt") and flow.is_cash
            ),
            unvalued_pass_through_count=_unvalued(flow for flow in spend if flow.is_pass_through),
        )

    @cached_property
    def loops(self) -> set[Loop]:
        """S11: every simple cycle of 2 to 5 organisations."""
        legs: dict[tuple[str, str], list[Flow]] = defaultdict(list)
        for flow in self.flows:
            if UNDISCLOSED not in (flow.payer, flow.payee) and flow.payer != flow.payee:
                legs[flow.payer, flow.payee].append(flow)
        found: set[Loop] = set()

        def walk(path: tuple[str, ...]) -> None:
            for payer, payee in legs:
                if payer != path[-1]:
                    continue
                if payee == path[0] and len(path) >= 2:
                    found.add(_to_loop(path, legs))
                elif payee > path[0] and payee not in path and len(path) < 5:
                    walk((*path, payee))

        for org in {payer for payer, _ in legs}:
            walk((org,))
        return found


def _to_loop(path: tuple[str, ...], legs: Mapping[tuple[str, str], Sequence[Flow]]) -> Loop:
    flows = [legs[leg] for leg in zip(path, (*path[1:], path[0]), strict=True)]
    sizing = [_sizing(leg) for leg in flows]
    return Loop(
        org_ids=path,
        deal_ids=tuple(sorted({flow.deal_id for leg in flows for flow in leg})),
        bottleneck=min((leg[0].amount.base for leg in sizing if leg), default=None),
        unvalued_leg_count=sizing.count([]),
        has_conditional_leg=any(
            all(flow.is_conditional for flow in sized or leg)
            for leg, sized in zip(flows, sizing, strict=True)
        ),
        has_noncash_leg=any(not any(flow.is_cash for flow in leg) for leg in flows),
    )


def _sizing(leg: Sequence[Flow]) -> list[Flow]:
    """The cash flows of a leg that none exceeds."""
    cash = [f for f in leg if f.amount and f.is_cash and f.kind != "guarantee"]
    largest = max((f.amount.base for f in cash), default=None)
    return [f for f in cash if f.amount.base == largest]


def _unvalued(flows: Iterable[Flow]) -> int:
    return len({flow.deal_id for flow in flows if flow.amount is None})


def _high_of(netted: Netted) -> Fraction:
    return (netted.total or ZERO).high


@dataclass(frozen=True)
class _Side:
    org: str
    share: Fraction
    known_on: dt.date


def _sides(state: State, roles: Sequence[str]) -> list[_Side]:
    """The organisations of the first role present; nobody is undisclosed."""
    for role in roles:
        parties = [party for party in state.parties if party.role == role]
        if parties:
            rest = 1 - sum((p.share for p in parties if p.share is not None), Fraction(0))
            open_count = sum(party.share is None for party in parties)
            sides = [
                _Side(p.org, rest / open_count if p.share is None else p.share, p.known_on)
                for p in parties
            ]
            if not open_count and rest > 0:
                latest = max(party.known_on for party in parties)
                sides.append(_Side(UNDISCLOSED, rest, latest))
            return sides
    return [_Side(UNDISCLOSED, Fraction(1), state.first_known_on)]


def _flows_of(state: State) -> list[Flow]:
    """S6: the flows of one deal, guarantees included."""

    def flows(
        kind: str, roles: tuple[Sequence[str], Sequence[str]], *, has_value: bool
    ) -> list[Flow]:
        paid = state.paid if has_value else None
        stated_on = (paid and state.value_known_on) or state.first_known_on
        return [
            Flow(
                deal_id=state.deal_id,
                payer=payer.org,
                payee=payee.org,
                kind=kind,
                share=payer.share * payee.share,
                amount=paid and paid.times(payer.share * payee.share),
                is_cash=kind != "guarantee" and (state.is_cash or state.is_value_guarantee),
                is_conditional=kind == "guarantee"
                or (state.is_conditional and not state.is_value_guarantee),
                known_on=max(stated_on, payer.known_on, payee.known_on),
            )
            for payer in _sides(state, roles[0])
            for payee in _sides(state, roles[1])
        ]

    payers = PAYER_ROLES[state.kind]
    found = []
    if not state.is_value_guarantee or any(state.orgs(role) for role in payers):
        found += flows(
            FLOW_KIND[state.kind],
            (payers, PAYEE_ROLES[state.kind]),
            has_value=not state.is_value_guarantee,
        )
    if state.orgs("guarantor"):
        found += flows(
            "guarantee", (("guarantor",), BACKED_ROLES), has_value=state.is_value_guarantee
        )
    return found


@dataclass(frozen=True)
class Volume:
    """S9: an observation on the common scale; the rate is None for a peak."""

    observation_id: str
    series: tuple[str, str, str]
    starts: dt.date
    ends: dt.date
    per_month: Bounds | None
    known_on: dt.date

    @property
    def days(self) -> int:
        """Length of the period."""
        return (self.ends - self.starts).days + 1

    @property
    def middle(self) -> dt.date:
        """The day in which the middle of the period falls."""
        return self.starts + dt.timedelta(days=self.days // 2)

    def preference(self, latest: dt.date) -> tuple[int, int, int, str]:
        """Sorts first what stays where periods overlap; the latest start of periods as long."""
        off_grid = (latest - self.starts).days % self.days
        return self.days, off_grid, -self.known_on.toordinal(), self.observation_id

    def overlaps(self, other: Volume) -> bool:
        """Whether the two have a day in common."""
        return self.starts <= other.ends and other.starts <= self.ends


def token_period(period: Record) -> tuple[dt.date, dt.date]:
    """S9: first and last day of an observation's period."""
    first = to_period(period["of"])[0]
    kind = period["kind"]
    if kind in ("minute", "day"):
        return first, first
    if kind == "week":
        return first, first + dt.timedelta(days=6)
    if kind == "cumulative":
        return first, last_day_of(period["to"])
    months = {"month": 1, "quarter": 3, "half": 6, "year": 12}[kind]
    return first, _same_day_after(first, months) - dt.timedelta(days=1)


def _same_day_after(day: dt.date, months: int) -> dt.date:
    month = first_day_of(month_of(day) + months)
    last = calendar.monthrange(month.year, month.month)[1]
    return month.replace(day=min(day.day, last))


def normalise(observation: Record) -> Volume:
    """S9: an observation as tokens a month of 30.4375 days."""
    starts, ends = token_period(observation["period"])
    days = (ends - starts).days + 1
    factor = {
        "minute": MINUTES_IN_DAY * DAYS_IN_MONTH,
        "day": DAYS_IN_MONTH,
        "week": DAYS_IN_MONTH / 7,
        "month": Fraction(1),
        "quarter": Fraction(1, 3),
        "half": Fraction(1, 6),
        "year": Fraction(1, 12),
        "cumulative": DAYS_IN_MONTH / days,
    }[observation["period"]["kind"]]
    stated = to_bounds(observation["tokens"], digits=3)
    is_peak = observation["measure"].startswith("peak")
    return Volume(
        observation_id=observation["id"],
        series=(observation["org"], observation["scope"], observation["measure"]),
        starts=starts,
        ends=ends,
        per_month=None if is_peak or stated is None else stated.times(factor),
        known_on=last_day_of(observation["known_on"]),
    )


def series_of(observations: Iterable[Record]) -> dict[tuple[str, str, str], list[Volume]]:
    """S9: each series in order; what overlaps a preferred one that stays gives way."""
    members: dict[tuple[str, str, str], list[Volume]] = defaultdict(list)
    for volume in map(normalise, observations):
        if volume.per_month is not None:
            members[volume.series].append(volume)
    kept: dict[tuple[str, str, str], list[Volume]] = {series: [] for series in members}
    for series, volumes in members.items():
        latest: dict[int, dt.date] = {}
        for volume in volumes:
            latest[volume.days] = max(volume.starts, latest.get(volume.days, volume.starts))
        for volume in sorted(volumes, key=lambda v: v.preference(latest[v.days])):
            if not any(volume.overlaps(other) for other in kept[series]):
                kept[series].append(volume)
    return {
        series: sorted(volumes, key=lambda volume: volume.starts)
        for series, volumes in kept.items()
    }


def growth_between(earlier: Volume, later: Volume) -> tuple[float | None, float | None] | None:
    """S9: yearly factor and doubling days; None across series: nothing to compare.

    The factor is None where no floating-point number holds it.
    """
    if earlier.series != later.series or earlier.per_month is None or later.per_month is None:
        return None
    days = (later.middle - earlier.middle).days
    growth = math.log(later.per_month.base / earlier.per_month.base)
    yearly = growth * 365.25 / days
    return (
        math.exp(yearly) if abs(yearly) < 700 else None,
        days * math.log(2) / growth if growth > 0 else None,
    )


def monthly_values(volumes: Sequence[Volume]) -> dict[Month, tuple[float, bool]]:
    """S9: base value of each month from first to last observation, and if it is estimated."""
    values: dict[Month, tuple[float, bool]] = {}
    if not volumes:
        return values
    for month in range(month_of(volumes[0].starts), month_of(volumes[-1].ends) + 1):
        held = [v for v in volumes if month_of(v.starts) <= month <= month_of(v.ends)]
        if held:
            values[month] = (_base_of(held[-1]), False)
            continue
        days = calendar.monthrange(month // 12, month % 12 + 1)[1]
        middle = first_day_of(month) + dt.timedelta(days=days // 2)
        before = [v for v in volumes if v.middle <= middle][-1]
        after = next(v for v in volumes if v.middle > middle)
        share = (middle - before.middle) / (after.middle - before.middle)
        low, high = _base_of(before), _base_of(after)
        values[month] = (low * (high / low) ** share, True)
    return values


def _base_of(volume: Volume) -> float:
    assert volume.per_month is not None
    return float(volume.per_month.base)


def world_floor(observations: Sequence[Record], month: Month) -> tuple[float, float]:
    """S9: the sum of the providers' own totals in a month, and the share that is carried on."""
    own = [o for o in observations if o["level"] == "provider_total" and o["basis"] == "stated"]
    held = carried = 0.0
    for volumes in series_of(own).values():
        values = monthly_values(volumes)
        if month in values:
            held += values[month][0]
        elif values and max(values) < month <= max(values) + 12:
            carried += values[max(values)][0]
    total = held + carried
    return total, carried / total if total else 0.0

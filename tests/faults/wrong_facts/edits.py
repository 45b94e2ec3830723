"""Good edits: what a careful person adds to a ledger or mends in it. No rule may speak of them.

Parties, days and sizes are drawn over the ledger, within what such deals were in the past years;
every figure goes with a document that is no later than the day of knowledge.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.faults.wrong_facts.ledgers import Change, Ledger, deal_file, first_day, write_tree

Make = Callable[[random.Random, Ledger], Change | None]

_LAST_DAY = dt.date(2026, 11, 20)


def _edit(told: str, file: str, tree: Any) -> Change:
    return Change(family="", told=told, texts={file: write_tree(tree)}, file=file)


def _document(rng: random.Random, name: str, day: dt.date, title: str) -> dict[str, Any]:
    return {
        "id": name,
        "publisher": rng.choice(("A news agency", "The company", "A newspaper (agency text)")),
        "title": title,
        "url": f"https://news.example.org/{day:%Y/%m}/{name}",
        "published_on": day.isoformat(),
        "tier": rng.choice(("primary", "secondary", "secondary")),
        "read": rng.choice(("full", "excerpt")),
    }


def _round(value: float, digits: int = 2) -> Decimal:
    number = Decimal(value)
    return round(number, digits - 1 - number.adjusted())


_QUALIFIERS = ("exact", "about", "about", "at_least", "up_to")

# Kind, role and verb of the two sides, gigawatts, billions of dollars a gigawatt.
_TRADES = (
    ("cloud_services", "customer", "cloud_provider", "rents", (0.1, 4), (12, 80)),
    ("compute_supply", "customer", "chip_vendor", "buys", (0.2, 6), (12, 35)),
    ("datacenter_lease", "tenant", "landlord", "leases", (0.05, 2), (10, 45)),
    ("power_supply", "customer", "power_supplier", "buys", (0.1, 2.5), (1.5, 9)),
)
_FINANCES = (
    ("equity_investment", "investor", "investee", "invests {} in {}", (0.3, 30)),
    ("debt_financing", "lender", "borrower", "lends {} to {}", (0.3, 30)),
    ("acquisition", "acquirer", "target", "buys {1} for {0}", (0.5, 40)),
)


def _party_of(rng: random.Random, ledger: Ledger, kind: str, role: str) -> str:
    """Draw an organisation that had the role in a deal of the kind."""
    return rng.choice(
        [
            party["org"]
            for deal in ledger.deals
            if deal["kind"] == kind
            for party in deal["parties"]
            if party["role"] == role
        ]
    )


def _sum(billions: Decimal) -> str:
    if billions < 1:
        return f"{(billions * 1000).normalize():f} million dollars"
    return f"{billions.normalize():f} billion dollars"


def new_deal(rng: random.Random, ledger: Ledger) -> Change | None:
    """A new deal between two organisations that are known, with its document."""
    day = dt.date(2025, 6, 1) + dt.timedelta(days=rng.randrange(530))
    event: dict[str, Any] = {
        "known_on": day.isoformat(),
        "kind": rng.choice(("announced", "signed", "reported")),
        "commitment": rng.choice(("definitive", "framework", "letter_of_intent")),
    }
    is_trade = rng.random() < 0.6
    if is_trade:
        kind, pays, paid, verb, sizes, prices = rng.choice(_TRADES)
    else:
        kind, pays, paid, verb, sizes = rng.choice(_FINANCES)
    payer = _party_of(rng, ledger, kind, pays)
    payee = _party_of(rng, ledger, kind, paid)
    if payer == payee:
        return None
    one, other = (ledger.organizations[name]["name"] for name in (payer, payee))
    if is_trade:
        size = _round(rng.uniform(*sizes))
        worth = _round(float(size) * rng.uniform(*prices))
        qualifier = rng.choice(_QUALIFIERS)
        ceiling = "up to " if qualifier == "up_to" else ""
        shown = f"{size.normalize():f} GW" if size >= 1 else f"{size * 1000:f} MW".replace(".0", "")
        title = f"{one} {verb} {ceiling}{shown} from {other}"
        basis = {"power_supply": "utility", "datacenter_lease": "it"}.get(kind, "unspecified")
        event["capacity_gw"] = {"value": size, "qualifier": qualifier, "basis": basis}
        if rng.random() < 0.3:
            event["capacity_gw"]["note"] = rng.choice(
                ("first halls in 2027", "over several sites", "with an option on as much again")
            )
        if rng.random() < 0.6:
            event["value_usd"] = {
                "value": worth * 10**9,
                "qualifier": rng.choice(("about", "exact")),
                "note": rng.choice(("over the whole term", "as the two said", "by one newspaper")),
            }
            event["term"] = {"starts": 2027, "years": rng.choice((5, 7, 15))}
    else:
        worth = _round(rng.uniform(*sizes))
        title = f"{one} {verb.format(_sum(worth), other)}"
        event["value_usd"] = {"value": worth * 10**9, "qualifier": rng.choice(("about", "exact"))}
    deal_id = f"{payer}-{payee}-{day:%Y%m%d}"
    source = f"news-{deal_id}"
    event["sources"] = [source]
    deal = {
        "id": deal_id,
        "title": title,
        "kind": kind,
        "parties": [{"org": payer, "role": pays}, {"org": payee, "role": paid}],
        "events": [event],
        "confidence": "medium",
        "documents": [_document(rng, source, day, title)],
    }
    return _edit(f"{kind}: {title}", deal_file(deal), deal)


def new_plan(rng: random.Random, ledger: Ledger) -> Change:
    """A company's plan for a campus, without a counterparty."""
    sponsor = _party_of(rng, ledger, "expansion_plan", "sponsor")
    day = dt.date(2025, 3, 1) + dt.timedelta(days=rng.randrange(600))
    place = rng.choice(("Ohio", "Texas", "Sweden", "Johor", "Alberta", "Saxony", "Queensland"))
    size, price = _round(rng.uniform(0.1, 5)), rng.uniform(8, 50)
    worth = _round(float(size) * price)
    title = f"{ledger.organizations[sponsor]['name']} plans a campus in {place}"
    deal_id = f"{sponsor}-{place.lower()}-{day:%Y%m}"
    deal = {
        "id": deal_id,
        "title": title,
        "kind": "expansion_plan",
        "parties": [{"org": sponsor, "role": "sponsor"}],
        "events": [
            {
                "known_on": day.isoformat(),
                "kind": "announced",
                "commitment": "plan",
                "capacity_gw": {"value": size, "qualifier": "about", "basis": "unspecified"},
                "value_usd": {"value": worth * 10**9, "qualifier": "about"},
                "sources": [f"news-{deal_id}"],
            }
        ],
        "phases": [
            {"seq": 1, "capacity_gw": size / 2, "starts": "2027-H2"},
            {"seq": 2, "capacity_gw": size / 2, "starts": "2028"},
        ],
        "confidence": "medium",
        "documents": [_document(rng, f"news-{deal_id}", day, title)],
    }
    return _edit(title, deal_file(deal), deal)


def new_event(rng: random.Random, ledger: Ledger) -> Change | None:
    """News about a deal: an amendment, a larger or smaller total, capacity that runs."""
    deal = ledger.copy(deal_file(rng.choice(ledger.deals)))
    last = deal["events"][-1]
    earliest = first_day(last["known_on"]) + dt.timedelta(days=31)
    if last["commitment"] == "cancelled" or earliest >= _LAST_DAY:
        return None
    day = earliest + dt.timedelta(days=rng.randrange((_LAST_DAY - earliest).days))
    known = {
        field: event[field]
        for event in deal["events"]
        for field in ("capacity_gw", "value_usd")
        if event.get(field) and event[field].get("value")
    }
    kind = rng.choice(("amended", "expanded", "reduced", "capacity_online", "reported", "disputed"))
    event: dict[str, Any] = {
        "known_on": day.isoformat(),
        "kind": kind,
        "commitment": last["commitment"],
    }
    if kind in ("expanded", "reduced"):
        if not known:
            return None
        factor = rng.uniform(1.1, 1.8) if kind == "expanded" else rng.uniform(0.5, 0.9)
        for field, quantity in known.items():
            event[field] = {
                **{
                    key: quantity[key]
                    for key in ("basis", "cash", "conditional")
                    if key in quantity
                },
                "value": _round(float(quantity["value"]) * factor, 3),
                "qualifier": rng.choice(("about", "exact")),
            }
    elif kind == "capacity_online":
        if "capacity_gw" not in known:
            return None
        part = _round(float(known["capacity_gw"]["value"]) * rng.uniform(0.1, 0.6))
        event["online_gw"] = {"value": part, "qualifier": "about"}
        if "basis" in known["capacity_gw"]:
            event["online_gw"]["basis"] = known["capacity_gw"]["basis"]
    elif kind == "amended":
        event["value_note"] = "terms stated more closely; no new figure"
    source = f"news-{deal['id']}-{day:%Y%m%d}"[:118]
    published = day - dt.timedelta(days=rng.choice((0, 0, 0, 1)))
    if rng.random() < 0.2:
        published = day + dt.timedelta(days=1)
    event["sources"] = [source]
    deal["events"].append(event)
    title = rng.choice(("Progress of the project", "Call on the quarter", "Filing on the contract"))
    deal["documents"] = [
        *(deal.get("documents") or ()),
        _document(rng, source, published, title),
    ]
    return _edit(f"{kind} in {deal['id']}", deal_file(deal), deal)


def new_document(rng: random.Random, ledger: Ledger) -> Change | None:
    """One more document for an event, of its day or later."""
    file, path, event = rng.choice(list(ledger.events()))
    if event.get("retold"):
        return None
    tree = ledger.copy(file)
    day = first_day(event["known_on"]) + dt.timedelta(days=rng.choice((0, 0, 1, 3, 20)))
    if len(str(event["known_on"])) < 10 or day > _LAST_DAY:
        return None
    source = f"more-{tree['id']}-{path[1]}"[:118]
    tree["events"][path[1]]["sources"].append(source)
    title = f"Second report: {ledger.trees[file]['title'][:200]}"
    tree["documents"] = [*(tree.get("documents") or ()), _document(rng, source, day, title)]
    return _edit(f"document for {file}", file, tree)


def correction(rng: random.Random, ledger: Ledger) -> Change | None:
    """A figure, a qualifier, a note or a confidence mended by a little."""
    file, path, _ = rng.choice(list(ledger.events()))
    tree = ledger.copy(file)
    own = tree["events"][path[1]]
    how = rng.choice(("figure", "figure", "about", "note", "confidence", "title", "phase"))
    if how in ("figure", "about"):
        field = rng.choice(("capacity_gw", "value_usd"))
        quantity = own.get(field)
        # A part of another deal, or phases beside it, would have to be mended with it.
        if not quantity or not quantity.get("value") or "low" in quantity or tree.get("phases"):
            return None
        if any(event.get("phases") for event in tree["events"]):
            return None
        if how == "about":
            if quantity["qualifier"] != "exact":
                return None
            quantity["qualifier"] = "about"
        else:
            quantity["value"] = _round(float(quantity["value"]) * rng.uniform(0.93, 1.07), 3)
            if "original" in quantity:
                return None
    elif how == "note":
        own["capacity_note"] = rng.choice(
            ("no figure was given", "the site was named", "built in two stages", "option unchanged")
        )
    elif how == "confidence":
        tree["confidence"] = rng.choice(("low", "medium", "high"))
    elif how == "title":
        tree["title"] = tree["title"] + ", stated again"
    else:
        phases = tree.get("phases")
        if not phases:
            return None
        phases[0]["starts"] = rng.choice(("2027-H1", "2027", "2026-Q4"))
        phases[0].pop("ends", None)
    return _edit(f"{how} in {file}", file, tree)


def new_organization(rng: random.Random, ledger: Ledger) -> Change:
    """An organisation that is not in the ledger yet."""
    name = "-".join(rng.sample(("north", "delta", "polar", "vega", "terra", "ion", "lumen"), 3))
    tree = {
        "id": name,
        "name": name.replace("-", " ").title(),
        "kind": rng.choice(("neocloud", "investor", "datacenter_developer", "power_developer")),
        "country": rng.choice(("US", "FR", "SE", "IN", None)),
        "ticker": rng.choice((None, name[:4].upper())),
    }
    return _edit(f"organisation {name}", f"organizations/{name}.yml", tree)


def _latest(records: list[Any]) -> Any:
    return max(records, key=lambda record: first_day(record["period"]["of"]))


def new_observation(rng: random.Random, ledger: Ledger) -> Change | None:
    """The next observation of a series, grown as such series grow."""
    places = list(ledger.records("tokens"))
    file, _, pattern = rng.choice(places)
    series = ("org", "scope", "measure")
    last = _latest(
        [record for _, _, record in places if all(record[key] == pattern[key] for key in series)]
    )
    months = rng.choice((1, 2, 3, 4))
    start = first_day(last["period"]["of"]) + dt.timedelta(days=round(30.5 * months))
    known = start + dt.timedelta(days=rng.randrange(5, 60))
    if (
        known > _LAST_DAY
        or last["period"]["kind"] not in ("minute", "day", "week", "month")
        or not last["tokens"].get("value")
    ):
        return None
    tree = ledger.copy(file)
    grown = float(last["tokens"]["value"]) * rng.uniform(0.9, 1.25) ** months
    unit, scale = ("trillion", 12) if grown > 1e12 else ("billion", 9)
    kind = last["period"]["kind"]
    value = _round(grown, 3)
    source = f"report-{last['id']}-next"
    shown = f"{(value / 10**scale).normalize():f} {unit} tokens a {kind}"
    tree["observations"].append(
        {
            **{key: last[key] for key in (*series, "level")},
            "id": f"{last['id']}-next",
            "period": {"kind": kind, "of": start.isoformat()},
            "tokens": {"value": value, "qualifier": rng.choice(("about", "at_least"))},
            "basis": "stated",
            "known_on": known.isoformat(),
            "sources": [source],
            "confidence": "medium",
            "notes": rng.choice((f"{shown}.", "Said on the call of that quarter.")),
        }
    )
    tree["documents"] = [
        *(tree.get("documents") or ()),
        _document(rng, source, known, rng.choice((shown, "Results of the quarter"))),
    ]
    return _edit(f"{last['id']} goes on", file, tree)


def new_capex(rng: random.Random, ledger: Ledger) -> Change | None:
    """The next quarter of capital expenditure."""
    places = list(ledger.records("capex"))
    file, _, pattern = rng.choice(places)
    rows = [
        record
        for _, _, record in places
        if all(record[key] == pattern[key] for key in ("org", "kind", "metric"))
        and record.get("period_end")
        and (record.get("amount_usd") or {}).get("value")
    ]
    if pattern["kind"] == "capex_guidance" or not rows:
        return None
    last = max(rows, key=lambda record: first_day(record["period_end"]))
    end = first_day(last["period_end"]) + dt.timedelta(days=91)
    tree = ledger.copy(file)
    known = min(end + dt.timedelta(days=30), _LAST_DAY)
    source = f"results-{last['id']}-next"
    tree["rows"].append(
        {
            **{key: last[key] for key in ("org", "kind", "metric", "basis")},
            "id": f"{last['id']}-next",
            "period_end": end.isoformat(),
            "amount_usd": {
                "value": _round(float(last["amount_usd"]["value"]) * rng.uniform(0.85, 1.3), 4),
                "qualifier": "exact",
            },
            "sources": [source],
            "confidence": "high",
        }
    )
    tree["documents"] = [
        *(tree.get("documents") or ()),
        _document(rng, source, known, "Results of the quarter"),
    ]
    return _edit(f"{last['id']} goes on", file, tree)


def new_link(rng: random.Random, ledger: Ledger) -> Change | None:
    """A link between two deals of the same organisation that have none."""
    one, other = rng.sample(ledger.deals, 2)
    orgs = [{party["org"] for party in deal["parties"]} for deal in (one, other)]
    linked = {link["to"] for deal in (one, other) for link in deal.get("links") or ()}
    linked |= {
        link["to"]
        for deal in (one, other)
        for event in deal["events"]
        for link in event.get("links") or ()
    }
    if not orgs[0] & orgs[1] or {one["id"], other["id"]} & linked:
        return None
    tree = ledger.copy(deal_file(one))
    relation = rng.choice(("funds", "financed_by", "overlaps"))
    link = {"to": other["id"], "relation": relation, "note": "as the filing says"}
    tree["links"] = [*(tree.get("links") or ()), link]
    return _edit(f"{one['id']} {relation} {other['id']}", deal_file(one), tree)


# Each kind with its part of the whole.
EDITS: tuple[tuple[Make, int], ...] = (
    (new_deal, 25),
    (new_plan, 7),
    (new_event, 26),
    (new_document, 12),
    (correction, 12),
    (new_organization, 4),
    (new_observation, 6),
    (new_capex, 4),
    (new_link, 4),
)

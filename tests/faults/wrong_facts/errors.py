"""Twenty ways in which a person files a wrong fact, each drawn at random over a ledger.

An error is described by what the person does, not by what a rule looks for: the record, the field
and the size are drawn. Where a class says "where the words tell", the draw is from the records
whose words do so, found by plain search and not by the rules' own patterns.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from sources.ledger.vocabulary import (
    Commitment,
    DealKind,
    EventKind,
    PartyRole,
    PowerBasis,
    Qualifier,
)
from tests.faults.wrong_facts.ledgers import (
    Change,
    Ledger,
    Path_,
    deal_file,
    find,
    first_day,
    write_tree,
)

Make = Callable[[random.Random, Ledger], Change | None]

_FIGURE_RULES = {
    "figure_out_of_scale",
    "figure_against_words",
    "figure_against_deal",
    "dollars_a_gigawatt",
    "part_above_whole",
    "phases_above_headline",
    "value_outside_bounds",
    "bounds_reversed",
    "gigawatts",
    "us_dollars",
    "tokens",
    "exchange_rate_unlike",
    "tokens_against_words",
    "tokens_unlike_neighbours",
    "tokens_unlike_organisation",
    "part_above_total",
    "tokens_out_of_scale",
    "amount_unlike_series",
}


def _change(
    told: str,
    ledger: Ledger,
    file: str,
    path: Path_,
    alter: Callable[[Any], None],
    expected: set[str],
) -> Change:
    """Alter the tree of a file; `alter` gets what stands at the path."""
    tree = ledger.copy(file)
    alter(find(tree, path))
    return Change(
        family="",
        told=told,
        texts={file: write_tree(tree)},
        file=file,
        path=path,
        expected=frozenset(expected),
    )


def _slip(rng: random.Random, word: str) -> str:
    """Mistype a word: a letter dropped, doubled, or two swapped."""
    place = rng.randrange(1, len(word) - 1)
    slips = (
        word[:place] + word[place + 1 :],
        word[:place] + word[place] + word[place:],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    )
    return rng.choice([slip for slip in slips if slip != word])


def _mappings(node: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Yield every mapping of a tree with its path."""
    if isinstance(node, dict):
        yield path, node
        for key, inner in node.items():
            yield from _mappings(inner, (*path, key))
    elif isinstance(node, list):
        for number, inner in enumerate(node):
            yield from _mappings(inner, (*path, number))


def _any_file(rng: random.Random, ledger: Ledger) -> str:
    # A record of any kind alike, not any file: deals would be drowned by organisations.
    folder = rng.choice(("deals", "deals", "tokens", "capex", "organizations", "claims"))
    return rng.choice([file for file in ledger.trees if file.startswith(f"{folder}/")])


def broken_yaml(rng: random.Random, ledger: Ledger) -> Change | None:
    """A brace lost, a colon lost, a tab, a merge left open, a line pasted twice."""
    file = _any_file(rng, ledger)
    lines = ledger.texts[file].split("\n")
    fields = [n for n, line in enumerate(lines) if re.match(r" *(- )?[a-z_]+: \S", line)]
    flows = [n for n in fields if "{" in lines[n] and "}" in lines[n]]
    number = rng.choice(fields)
    how = rng.choice(("brace", "quote", "tab", "merge", "twice"))
    if how == "brace":
        if not flows:
            return None
        number = rng.choice(flows)
        lines[number] = lines[number].replace("}", "", 1)
    elif how == "quote":
        lines[number] = re.sub(r": ", ": '", lines[number], count=1).rstrip("'")
    elif how == "tab":
        lines[number] = "\t" + lines[number].lstrip()
    elif how == "merge":
        lines.insert(number, "<<<<<<< HEAD")
    else:
        plain = [n for n in fields if not lines[n].lstrip().startswith("-")]
        number = rng.choice(plain)
        lines.insert(number, lines[number])
    return Change(
        family="",
        told=f"{how} in line {number + 1}",
        texts={file: "\n".join(lines)},
        file=file,
        expected=frozenset({"broken_yaml", "duplicate_key", "key", "mapping", "unknown_field"}),
    )


def unknown_field(rng: random.Random, ledger: Ledger) -> Change:
    """The name of a field mistyped."""
    file = _any_file(rng, ledger)
    path, mapping = rng.choice(list(_mappings(ledger.trees[file])))
    old = rng.choice([key for key in mapping if len(key) > 3] or ["documents"])
    new = _slip(rng, old)

    def alter(node: Any) -> None:
        items = [(new if key == old else key, value) for key, value in node.items()]
        node.clear()
        node.update(items)

    return _change(f"{old} as {new}", ledger, file, path, alter, {"unknown_field", "missing_field"})


_WORD_FIELDS = {
    "kind": (DealKind, EventKind),
    "commitment": (Commitment,),
    "role": (PartyRole,),
    "qualifier": (Qualifier,),
    "basis": (PowerBasis,),
}
_OTHER_WORDS = {
    "definitive": "binding",
    "letter_of_intent": "loi",
    "announced": "anounced",
    "about": "approximately",
    "exact": "exactly",
    "customer": "buyer",
    "investor": "lead investor",
    "facility": "site",
    "high": "hight",
}


def unknown_word(rng: random.Random, ledger: Ledger) -> Change | None:
    """A word of a closed list mistyped, or another word for it."""
    deal = rng.choice(ledger.deals)
    places = [
        (path, field, mapping[field])
        for path, mapping in _mappings(deal)
        for field in ("kind", "commitment", "role", "qualifier", "basis", "confidence", "tier")
        if isinstance(mapping.get(field), str)
    ]
    path, field, old = rng.choice(places)
    if len(old) < 4:
        return None
    new = _OTHER_WORDS[old] if old in _OTHER_WORDS and rng.random() < 0.4 else _slip(rng, old)
    return _change(
        f"{field}: {old} as {new}",
        ledger,
        deal_file(deal),
        path,
        lambda node: node.update({field: new}),
        {"unknown_word"},
    )


def missing_document(rng: random.Random, ledger: Ledger) -> Change | None:
    """An id of a document mistyped where it is cited, or its description forgotten."""
    file, path, event = rng.choice(list(ledger.events()))
    place = rng.randrange(len(event["sources"]))
    old = event["sources"][place]
    if rng.random() < 0.6:
        new = _slip(rng, old)
        if new in ledger.documents:
            return None

        def cite(node: Any) -> None:
            node["sources"][place] = new

        return _change(f"cites {new}", ledger, file, path, cite, {"unknown_document", "id"})
    tree = ledger.copy(file)
    kept = [item for item in tree.get("documents") or () if item["id"] != old]
    if len(kept) == len(tree.get("documents") or ()):
        return None
    tree["documents"] = kept
    return Change(
        family="",
        told=f"{old} is not described",
        texts={file: write_tree(tree)},
        file=file,
        path=path,
        expected=frozenset({"unknown_document"}),
    )


def impossible_date(rng: random.Random, ledger: Ledger) -> Change:
    """A date that is none, or of another country's form."""
    file, path, event = rng.choice(list(ledger.events()))
    day = first_day(event["known_on"])
    new = rng.choice(
        (
            f"{day.year}-02-30",
            f"{day.year}-{day.month + 12}-{day.day:02}",
            f"{day.day}/{day.month}/{day.year}",
            f"{day.year}-{day.month:02}-{day.day + 31}",
            f"{day:%d %B %Y}",
            f"Q{(day.month + 2) // 3} {day.year}",
            f"{day.year}-{day.month}-{day.day}x",
            f"{day.year % 100}-{day.month:02}-{day.day:02}",
        )
    )
    field = rng.choice(("known_on", "known_on", "starts"))
    if field == "starts" and event.get("term"):
        path = (*path, "term")
    else:
        field = "known_on"
    return _change(
        f"{field}: {new}",
        ledger,
        file,
        path,
        lambda node: node.update({field: new}),
        {"partial_date"},
    )


def absurd_quantity(rng: random.Random, ledger: Ledger) -> Change | None:
    """A negative figure, one with its unit, one beyond the world."""
    file, path, event = rng.choice(list(ledger.events()))
    field = rng.choice([name for name in ("capacity_gw", "value_usd") if event.get(name)] or [""])
    if not field or not event[field].get("value"):
        return None
    value = event[field]["value"]
    new = rng.choice(
        (
            -value,
            f"{value} GW" if field == "capacity_gw" else f"{value / 10**9} bn",
            "several",
            f"{value}".replace(".", ",") + ",0",
            value * 1_000_000,
            Decimal("0.0000000001") if field == "capacity_gw" else Decimal(12),
        )
    )
    return _change(
        f"{field}: {new}",
        ledger,
        file,
        (*path, field),
        lambda node: node.update(value=new),
        {"gigawatts", "us_dollars", "value_outside_bounds"},
    )


def _stated(quantity: Any) -> Decimal | None:
    if not isinstance(quantity, dict):
        return quantity if isinstance(quantity, Decimal) else None
    if quantity.get("value") is not None:
        return quantity["value"]
    return quantity.get("high")


def phases_above(rng: random.Random, ledger: Ledger) -> Change | None:
    """The phases stated cumulatively, or one larger, so that they exceed the headline."""
    deal = rng.choice([deal for deal in ledger.deals if deal.get("phases")])
    first = deal["events"][0].get("capacity_gw")
    headline = first and max(first.get("high") or 0, _stated(first) or 0)
    parts = [_stated(phase.get("capacity_gw")) for phase in deal["phases"]]
    if not headline or not all(parts):
        return None
    if len(parts) > 1 and rng.random() < 0.5:
        new = [sum(parts[: number + 1], Decimal(0)) for number in range(len(parts))]
    else:
        grown = rng.randrange(len(parts))
        rest = sum(parts, Decimal(0)) - parts[grown]
        new = list(parts)
        new[grown] = headline * Decimal(rng.randrange(105, 220)) / 100 - min(rest, headline)
        if new[grown] <= parts[grown]:
            return None
    if sum(new, Decimal(0)) <= headline:
        return None

    def alter(node: Any) -> None:
        for phase, part in zip(node["phases"], new, strict=True):
            phase["capacity_gw"] = part

    return _change(
        f"phases of {[float(part) for part in new]} beside {float(headline)} GW",
        ledger,
        deal_file(deal),
        (),
        alter,
        {"phases_above_headline", "figure_against_deal"},
    )


def _links(ledger: Ledger) -> Iterator[tuple[Any, Path_, Any]]:
    for deal in ledger.deals:
        for number, link in enumerate(deal.get("links") or ()):
            yield deal, ("links", number), link
        for place, event in enumerate(deal["events"]):
            for number, link in enumerate(event.get("links") or ()):
                yield deal, ("events", place, "links", number), link


def link_to_nowhere(rng: random.Random, ledger: Ledger) -> Change | None:
    """The id of the linked deal mistyped."""
    deal, path, link = rng.choice(list(_links(ledger)))
    new = _slip(rng, link["to"])
    return _change(
        f"links to {new}",
        ledger,
        deal_file(deal),
        path,
        lambda node: node.update(to=new),
        {"link_to_nowhere", "id"},
    )


def cycle_of_links(rng: random.Random, ledger: Ledger) -> Change | None:
    """The link written in both deals, closed over a third, or to the deal itself."""
    deal, path, link = rng.choice(
        [
            item
            for item in _links(ledger)
            if item[2]["relation"] in ("part_of", "supersedes", "supplies")
        ]
    )
    if rng.random() < 0.25:
        return _change(
            "links to itself",
            ledger,
            deal_file(deal),
            path,
            lambda node: node.update(to=deal["id"]),
            {"link_to_itself"},
        )
    target = link["to"]
    for other, _, next_link in _links(ledger):
        if other["id"] == target and next_link["relation"] == link["relation"]:
            target = next_link["to"] if rng.random() < 0.5 else target
            break
    file = f"deals/{target}.yml"
    tree = ledger.copy(file)
    if any("links" in event for event in tree["events"]):
        return None
    tree["links"] = [
        *(tree.get("links") or ()),
        {"to": deal["id"], "relation": link["relation"]},
    ]
    name = link["relation"]
    return Change(
        family="",
        told=f"{target} is {name} {deal['id']} too",
        texts={file: write_tree(tree)},
        file=file,
        path=("links", len(tree["links"]) - 1),
        expected=frozenset({f"{name}_cycle", f"{name}_too_deep", "link_twice"}),
    )


def event_order(rng: random.Random, ledger: Ledger) -> Change | None:
    """A later event written above an earlier one."""
    deal = rng.choice([deal for deal in ledger.deals if len(deal["events"]) > 1])
    place = rng.randrange(len(deal["events"]) - 1)
    earlier, later = deal["events"][place : place + 2]
    if str(earlier["known_on"]) == str(later["known_on"]):
        return None

    def swap(node: Any) -> None:
        node[place], node[place + 1] = node[place + 1], node[place]

    return _change(
        f"{later['known_on']} above {earlier['known_on']}",
        ledger,
        deal_file(deal),
        ("events",),
        swap,
        {"events_out_of_order", "events_known_out_of_order"},
    )


def duplicate_id(rng: random.Random, ledger: Ledger) -> Change | None:
    """A record pasted a second time, whole or with small changes."""
    folder = rng.choice(("tokens", "capex", "assumptions", "documents", "deals", "organizations"))
    expected = frozenset({"duplicate_id", "document_described_twice", "id_is_file_name"})
    if folder in ("deals", "organizations"):
        file, _, record = rng.choice(list(ledger.records(folder)))
        copy = file.replace(".yml", rng.choice(("-copy.yml", "-2.yml", "-new.yml")))
        tree = {key: value for key, value in record.items() if key != "documents"}
        return Change(
            family="",
            told=f"{file} once more",
            texts={copy: write_tree(tree)},
            file=copy,
            expected=expected,
        )
    if folder == "documents":
        document = rng.choice(list(ledger.documents.values()))
        deal = rng.choice(ledger.deals)
        again = dict(document)
        if rng.random() < 0.5 and document.get("url"):
            again["id"] += rng.choice(("-2", "-b", "-again"))
        tree = ledger.copy(deal_file(deal))
        tree["documents"] = [*(tree.get("documents") or ()), again]
        return Change(
            family="",
            told=f"{document['id']} described again as {again['id']}",
            texts={deal_file(deal): write_tree(tree)},
            file=deal_file(deal),
            path=("documents", len(tree["documents"]) - 1),
            expected=expected,
        )
    file, path, record = rng.choice(list(ledger.records(folder)))
    tree = ledger.copy(file)
    tree[path[0]].append(dict(record))
    return Change(
        family="",
        told=f"{record['id']} once more",
        texts={file: write_tree(tree)},
        file=file,
        path=(path[0], len(tree[path[0]]) - 1),
        expected=expected,
    )


_SIBLING_KINDS = {
    "cloud_services": "compute_supply",
    "compute_supply": "cloud_services",
    "datacenter_lease": "datacenter_development",
    "equity_investment": "debt_financing",
}


def same_deal_again(rng: random.Random, ledger: Ledger) -> Change:
    """A deal filed by someone who did not see that it is there: other id, title and document."""
    deal = ledger.copy(deal_file(rng.choice(ledger.deals)))
    old = deal["id"]
    words = old.split("-")
    rng.shuffle(words)
    deal["id"] = "-".join(words) + rng.choice(("-deal", "-agreement", "-contract"))
    deal["title"] = "As announced: " + deal["title"][:300]
    if rng.random() < 0.2:
        deal["kind"] = _SIBLING_KINDS.get(deal["kind"], deal["kind"])
    if len(deal["parties"]) > 2 and rng.random() < 0.3:
        deal["parties"] = deal["parties"][:-1]
    event = deal["events"][0]
    day = first_day(event["known_on"]) + dt.timedelta(days=rng.randrange(0, 8))
    event["known_on"] = day.isoformat()
    for name in ("capacity_gw", "value_usd"):
        quantity = event.get(name)
        if quantity and quantity.get("value") and rng.random() < 0.3:
            for bound in ("low", "high"):
                quantity.pop(bound, None)
            digits = 2 - quantity["value"].adjusted() - 1
            quantity["value"] = round(quantity["value"], digits)
            quantity["qualifier"] = "about"
            quantity.pop("original", None)
    for name in ("links", "retold"):
        event.pop(name, None)
    source = f"paper-{deal['id']}"[:110]
    event["sources"] = [source]
    deal["events"] = [event]
    for name in ("links", "phases", "notes"):
        deal.pop(name, None)
    deal["documents"] = [
        {
            "id": source,
            "publisher": "A newspaper",
            "title": "Report on the deal",
            "url": f"https://example.org/{source}",
            "published_on": day.isoformat(),
            "tier": "secondary",
            "read": "full",
        }
    ]
    file = deal_file(deal)
    return Change(
        family="",
        told=f"{old} once more as {deal['id']}",
        texts={file: write_tree(deal)},
        file=file,
        expected=frozenset({"same_deal_twice"}),
    )


def other_period(rng: random.Random, ledger: Ledger) -> Change | None:
    """A day's tokens filed as a month's, or a month's as a day's."""
    file, path, record = rng.choice(list(ledger.records("tokens")))
    kind = record["period"]["kind"]
    new = {"day": "month", "month": "day"}.get(kind)
    if new is None or record["measure"] == "peak_processed":
        return None
    return _change(
        f"{record['id']}: a {kind} as a {new}",
        ledger,
        file,
        path,
        lambda node: node["period"].update(kind=new),
        {
            "period_against_words",
            "tokens_unlike_neighbours",
            "tokens_unlike_organisation",
            "part_above_total",
            "tokens_out_of_scale",
        },
    )


def thousandfold(rng: random.Random, ledger: Ledger) -> Change | None:
    """Megawatts filed as gigawatts, millions as billions, and the other way round."""
    what = rng.choice(("capacity", "capacity", "dollars", "dollars", "tokens", "capex", "phase"))
    if what in ("capacity", "dollars"):
        field = "capacity_gw" if what == "capacity" else "value_usd"
        file, path, _ = rng.choice([item for item in ledger.events() if item[2].get(field)])
        path = (*path, field)
    elif what == "phase":
        deal = rng.choice([deal for deal in ledger.deals if deal.get("phases")])
        file, path = deal_file(deal), ("phases", rng.randrange(len(deal["phases"])))
        if _stated(find(deal, path).get("capacity_gw")) is None:
            return None
    else:
        file, path, _ = rng.choice(list(ledger.records(what)))
        path = (*path, "tokens" if what == "tokens" else "amount_usd")
    factor = Decimal(1000) if rng.random() < 0.5 else Decimal("0.001")
    quantity = find(ledger.trees[file], path)
    if quantity is None:
        return None

    def scale(node: Any) -> None:
        holder = node
        if what == "phase":
            if not isinstance(node["capacity_gw"], dict):
                node["capacity_gw"] *= factor
                return
            holder = node["capacity_gw"]
        for name in ("value", "low", "high"):
            if holder.get(name):
                holder[name] *= factor

    if not any(_stated(item) for item in (quantity, quantity.get("capacity_gw"))):
        return None
    return _change(f"{what} times {factor}", ledger, file, path, scale, _FIGURE_RULES)


def it_for_facility(rng: random.Random, ledger: Ledger) -> Change | None:
    """Power at the servers filed as that of the site, or the reverse, where the words tell."""
    file, path, event = rng.choice(
        [item for item in ledger.events() if (item[2].get("capacity_gw") or {}).get("basis")]
    )
    basis = event["capacity_gw"]["basis"]
    words = ledger.words_of(ledger.trees[file], event, figure="capacity_gw")
    told = {
        "it": r"\bIT\b|[Cc]ritical|gross|site power|grid power",
        "facility": r"(?i)facility|gross|whole campus|power draw|grid|own power plant|utility",
    }
    if basis not in told or not re.search(told[basis], words):
        return None
    new = "facility" if basis == "it" else "it"
    return _change(
        f"{basis} as {new}",
        ledger,
        file,
        path,
        lambda node: node["capacity_gw"].update(basis=new),
        {"basis_against_words", "basis_changes", "basis_against_link"},
    )


_PAYING = {
    "equity_investment": ({"investor"}, {"investee"}),
    "debt_financing": ({"lender"}, {"borrower"}),
    "acquisition": ({"acquirer"}, {"target"}),
}
_TRADE = (
    {"customer", "tenant"},
    {"supplier", "chip_vendor", "cloud_provider", "landlord", "developer", "power_supplier"},
)


def sides_swapped(rng: random.Random, ledger: Ledger) -> Change | None:
    """Who pays and who is paid changed round."""
    deal = rng.choice(ledger.deals)
    if deal["kind"] in ("joint_venture", "expansion_plan"):
        return None
    paying, paid = _PAYING.get(deal["kind"], _TRADE)
    payers = [n for n, party in enumerate(deal["parties"]) if party["role"] in paying]
    payees = [n for n, party in enumerate(deal["parties"]) if party["role"] in paid]
    if not payers or not payees:
        return None
    one, other = rng.choice(payers), rng.choice(payees)
    if deal["parties"][one]["org"] == deal["parties"][other]["org"]:
        return None

    def swap(node: Any) -> None:
        first, second = node["parties"][one], node["parties"][other]
        first["org"], second["org"] = second["org"], first["org"]

    return _change(
        "{org} as {role}".format(**deal["parties"][one]) + " the other way round",
        ledger,
        deal_file(deal),
        (),
        swap,
        {"sides_reversed"},
    )


_CEILING = r"(?i)(?:up to|as much as|at most|ceiling|maximum|capped)\D{0,40}"


def ceiling_as_exact(rng: random.Random, ledger: Ledger) -> Change | None:
    """A ceiling filed as a figure, where the words call it one."""
    places = [
        (file, path, event, field)
        for file, path, event in ledger.events()
        for field in ("capacity_gw", "value_usd")
        if (event.get(field) or {}).get("qualifier") == "up_to" and event[field].get("value")
    ]
    file, path, event, field = rng.choice(places)
    value = event[field]["value"]
    units = (1, 1000) if field == "capacity_gw" else (Decimal("1e-9"), Decimal("1e-6"))
    numbers = "|".join(re.escape(format((value * unit).normalize(), "f")) for unit in units)
    words = ledger.words_of(ledger.trees[file], event, figure=field)
    if not re.search(f"{_CEILING}(?<![0-9.])(?:{numbers})(?![0-9])", words):
        return None
    new = rng.choice(("exact", "exact", "about"))
    return _change(
        f"{field} {value} as {new}",
        ledger,
        file,
        path,
        lambda node: node[field].update(qualifier=new),
        {"ceiling_as_figure"},
    )


def _dated(rng: random.Random, ledger: Ledger) -> tuple[str, Path_, Any]:
    """Draw a record that says on which day it became known."""
    folder = rng.choice(("deals", "deals", "deals", "tokens", "capex", "assumptions", "claims"))
    places = list(ledger.events() if folder == "deals" else ledger.records(folder))
    return rng.choice([place for place in places if place[2].get("known_on")])


def known_in_future(rng: random.Random, ledger: Ledger) -> Change | None:
    """A day that has not come yet: a wrong year or month."""
    file, path, record = _dated(rng, ledger)
    day = first_day(record["known_on"])
    year = rng.choice((2027, 2028, day.year + 10))
    new = dt.date(year, day.month, min(day.day, 28)).isoformat()
    if rng.random() < 0.2:
        new = rng.choice(("2026-12", "2026-11-30", "2027", "2027-Q1"))
    return _change(
        f"known_on: {new}",
        ledger,
        file,
        path,
        lambda node: node.update(known_on=new),
        {"known_in_the_future", "events_out_of_order"},
    )


def known_before_document(rng: random.Random, ledger: Ledger) -> Change | None:
    """A day before every document that is cited: of the signature, of another month or year."""
    file, path, record = _dated(rng, ledger)
    days = [ledger.documents[name].get("published_on") for name in record["sources"]]
    dated = [first_day(day) for day in days if day]
    # Nothing is before a document of which the day is not known.
    if len(dated) < len(days) or not dated or record.get("retold"):
        return None
    earliest = min(dated)
    shift = rng.choice((rng.randrange(2, 31), rng.randrange(28, 63), 365, 366))
    day = min(earliest, first_day(record["known_on"])) - dt.timedelta(days=shift)
    return _change(
        f"known_on: {day} before {earliest}",
        ledger,
        file,
        path,
        lambda node: node.update(known_on=day.isoformat()),
        {"known_before_document", "known_before_period", "events_out_of_order"},
    )


def missing_rate(rng: random.Random, ledger: Ledger) -> Change | None:
    """A sum in another currency left without its dollars, taken for dollars, or turned wrongly."""
    file, path, event = rng.choice(
        [item for item in ledger.events() if (item[2].get("value_usd") or {}).get("original")]
    )
    amount = event["value_usd"]["original"]["amount"]
    how = rng.choice(("empty", "kept", "dropped", "inverted"))

    def alter(node: Any) -> None:
        for bound in ("low", "high"):
            node.pop(bound, None)
        if how == "empty":
            node["value"] = None
        elif how == "inverted":
            node["value"] = round(amount * amount / node["value"], 0)
        else:
            node["value"] = amount
            if how == "dropped":
                del node["original"]

    if event["value_usd"].get("value") is None:
        return None
    expected = _FIGURE_RULES | {"missing_exchange_rate", "currency_against_words"}
    told = f"{how}: {event['value_usd']['original']['currency']} {amount}"
    return _change(told, ledger, file, (*path, "value_usd"), alter, expected)


CLASSES: dict[str, Make] = {
    "broken YAML": broken_yaml,
    "unknown field": unknown_field,
    "unknown word": unknown_word,
    "missing document": missing_document,
    "a date that is none": impossible_date,
    "negative or absurd quantity": absurd_quantity,
    "phases above the headline": phases_above,
    "link to nowhere": link_to_nowhere,
    "cycle of links": cycle_of_links,
    "event order": event_order,
    "duplicate id": duplicate_id,
    "the same deal under another name": same_deal_again,
    "a day filed as a month": other_period,
    "thousandfold unit error": thousandfold,
    "IT power for facility": it_for_facility,
    "buyer and seller swapped": sides_swapped,
    "a ceiling filed as exact": ceiling_as_exact,
    "a day in the future": known_in_future,
    "a day before its document": known_before_document,
    "missing exchange rate": missing_rate,
}

# Of these none may pass.
MUST_BE_CAUGHT = (
    "thousandfold unit error",
    "a day filed as a month",
    "duplicate id",
    "the same deal under another name",
    "buyer and seller swapped",
    "a day in the future",
    "a day before its document",
)

"""Filings that may tell of a compute deal; they are for people to review, never a deal by themselves.

Judgements made here:
- a company's filings are searched for each of `PHRASES`, in the forms that announce contracts;
- a filed document never changes, so one that was read is not fetched again;
- a figure is a number with gigawatts or megawatts, or dollars in a sentence that also speaks of
  compute; the sentence is kept, cut to 300 characters, as the quotation to look up;
- the score of a figure counts what speaks for a deal: power, compute, and a contract in one sentence.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from sources.feeds.feed import Ask, Feed, Request
from sources.feeds.forms import Form, Table, json_form, read_json
from sources.feeds.snapshots import RefusedError, Snapshot
from sources.sql import quote_text

PHRASES = ('"gigawatts"', '"megawatts" "data center"', '"GPU" "billion"')
_FORMS = "8-K,10-Q,10-K,6-K"
_PAGE = 100
_MAX_QUOTE = 300

FILING = Table(
    name="filing",
    columns={
        "cik": "varchar",
        "accession": "varchar",
        "file_name": "varchar",
        "form": "varchar",
        "filed_on": "date",
        "company": "varchar",
    },
    key=("accession", "file_name", "cik"),
    required=("cik", "accession", "file_name", "filed_on"),
    keeps_vintages=True,
    largest_growth=float("inf"),
)

FIGURE = Table(
    name="figure",
    columns={
        "cik": "varchar",
        "accession": "varchar",
        "file_name": "varchar",
        "figure_number": "integer",
        "quantity": "decimal(24, 6)",
        "unit": "varchar",
        "quote": "varchar",
        "score": "integer",
    },
    key=("accession", "file_name", "figure_number"),
    required=("cik", "accession", "file_name", "figure_number", "quantity", "unit", "quote"),
    keeps_vintages=True,
    largest_growth=float("inf"),
)


def requests(feed: Feed, ask: Ask, secrets: Mapping[str, str]) -> Iterable[Request]:
    """Yield one search for each company and phrase."""
    if not ask.ciks:
        raise ValueError("no company with an SEC key is known; refresh the ledger first")
    for cik in ask.ciks:
        for phrase in PHRASES:
            query = {
                "q": phrase,
                "forms": _FORMS,
                "dateRange": "custom",
                "startdt": ask.first.isoformat(),
                "enddt": ask.last.isoformat(),
                "ciks": cik,
            }
            yield Request("search", f"{feed.address}?{urlencode(query)}&from=0", f"{cik} {phrase}")


def follow(feed: Feed, request: Request, body: str) -> Iterable[Request]:
    """Yield the next page of a search and the documents that it found."""
    if request.form != "search":
        return
    hits = json.loads(body)["hits"]
    address, _, begin = request.address.rpartition("&from=")
    if int(begin) + _PAGE < hits["total"]["value"]:
        after = int(begin) + _PAGE
        yield Request("search", f"{address}&from={after}", f"{request.partition} {after}")
    cik = request.partition.split()[0]
    for hit in hits["hits"]:
        accession, _, file_name = hit["_id"].partition(":")
        yield Request(
            form="document",
            address=locate(feed.address, cik, accession, file_name),
            partition=f"{cik} {accession} {file_name}",
            never_changes=True,
        )


def locate(search_address: str, cik: str, accession: str, file_name: str) -> str:
    """Return the address of a document."""
    parts = urlsplit(search_address)
    host = "www.sec.gov" if parts.netloc == "efts.sec.gov" else parts.netloc
    folder = f"/Archives/edgar/data/{int(cik)}/{accession.replace('-', '')}"
    return urlunsplit((parts.scheme, host, f"{folder}/{file_name}", "", ""))


def _select_hits(path: str, snapshot: Snapshot) -> str:
    cik = snapshot.partition.split()[0]
    return f"""
        select
            row_number() over () as record,
            cast(hit as varchar) as raw_text,
            {quote_text(cik)} as cik,
            split_part(hit ->> '_id', ':', 1) as accession,
            nullif(split_part(hit ->> '_id', ':', 2), '') as file_name,
            hit -> '_source' ->> 'form' as form,
            hit -> '_source' ->> 'file_date' as filed_on,
            hit -> '_source' -> 'display_names' ->> 0 as company
        from (
            select unnest(cast(hits -> 'hits' as json[])) as hit
            from {read_json(path, hits="json")}
        )
    """


def _select_figures(path: str, snapshot: Snapshot) -> str:
    cik, accession, file_name = snapshot.partition.split(maxsplit=2)
    return f"""
        select
            row_number() over () as record,
            cast(entry as varchar) as raw_text,
            {quote_text(cik)} as cik,
            {quote_text(accession)} as accession,
            {quote_text(file_name)} as file_name,
            entry ->> 'number' as figure_number,
            entry ->> 'quantity' as quantity,
            entry ->> 'unit' as unit,
            entry ->> 'quote' as quote,
            entry ->> 'score' as score
        from (
            select unnest(cast(figures as json[])) as entry
            from {read_json(path, figures="json")}
        )
    """


_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_BLOCKS = re.compile(r"</?(p|div|tr|li|h[1-6]|br|table)\b[^>]*>", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=[A-Z“\"])|\n+")
_POWER = re.compile(r"\b(\d[\d,]*(?:\.\d+)?)[\s-]*(gigawatts?|GW|megawatts?|MW)\b", re.IGNORECASE)
_MONEY = re.compile(r"\$\s?(\d[\d,]*(?:\.\d+)?)\s*(trillion|billion|million)\b", re.IGNORECASE)
_COMPUTE = re.compile(
    r"\b(GPUs?|data cent(?:er|re)s?|comput(?:e|ing)|cloud|AI|accelerators?|artificial intelligence)\b",
    re.IGNORECASE,
)
_CONTRACT = re.compile(
    r"\b(agreements?|contract(?:s|ed)?|leas(?:e|es|ed)|commit(?:s|ted|ments?)|purchase)\b",
    re.IGNORECASE,
)
_SCALE = {"m": 10**6, "b": 10**9, "t": 10**12}


def find_figures(text: str) -> Iterator[dict[str, Any]]:
    """Yield the figures of a document that may be those of a deal, with their sentences."""
    # In HTML a sentence ends with its block, not with its line.
    lines = _BLOCKS.sub("\n", re.sub(r"\s+", " ", text))
    plain = html.unescape(_TAGS.sub(" ", lines))
    number = 0
    for part in _SENTENCE_END.split(plain):
        sentence = " ".join(part.split())
        is_compute = bool(_COMPUTE.search(sentence))
        found = [(match[1], match[2][0].upper() + "W") for match in _POWER.finditer(sentence)]
        if is_compute:
            found += [(match[1], match[2][0].lower()) for match in _MONEY.finditer(sentence)]
        for told, unit in found:
            number += 1
            is_power = unit in ("GW", "MW")
            quantity = told.replace(",", "")
            yield {
                "number": number,
                "quantity": quantity if is_power else f"{float(quantity) * _SCALE[unit]:.2f}",
                "unit": unit if is_power else "USD",
                "quote": sentence[:_MAX_QUOTE],
                "score": is_power + is_compute + bool(_CONTRACT.search(sentence)),
            }


def _list_figures(body: bytes, most: int) -> bytes:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise RefusedError(
            "encoding", f"byte {error.start} is not UTF-8", "open the document and review it"
        ) from None
    if not text.strip():
        raise RefusedError("empty", "there is nothing in it", "the next poll fetches it anew")
    return json.dumps({"figures": list(find_figures(text))}).encode()


_FIGURES = json_form("document", FIGURE, lambda document: document["figures"], _select_figures)
FORMS = (
    json_form("search", FILING, lambda document: document["hits"]["hits"], _select_hits),
    Form(
        "document",
        FIGURE,
        _FIGURES.count,
        _select_figures,
        ("text/html", "text/plain", "application/xhtml+xml", ""),
        _list_figures,
    ),
)

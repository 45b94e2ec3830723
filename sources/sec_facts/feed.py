"""SEC XBRL company facts.

Judgements made here:
- a record is one value of a tag that is read (`TAGS`) in dollars; the other tags stay in the kept file;
- `fy` and `fp` are those of the filing, not of the value: a value is known by its period and filing;
- a value that is filed again later, changed or not, is another record: what was reported when;
- the extract names no start. The SEC gives a frame to a value of a quarter or a year; one without a
  frame counts from the start of the fiscal year to the quarter of the filing. `is_start_derived`
  says that the start was made so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sources.feeds.feed import Ask, Feed, Request
from sources.feeds.forms import Rule, Table, csv_form, json_form, read_json
from sources.feeds.snapshots import Snapshot
from sources.sql import quote_text

TAGS = (
    "PaymentsToAcquirePropertyPlantAndEquipment",
    "PaymentsToAcquireProductiveAssets",
    "RevenueRemainingPerformanceObligation",
    "FinanceLeasePrincipalPayments",
    "Depreciation",
    "DepreciationDepletionAndAmortization",
    "NetCashProvidedByUsedInOperatingActivities",
    "ProceedsFromIssuanceOfLongTermDebt",
)

FACT = Table(
    name="fact",
    columns={
        "cik": "varchar",
        "tag": "varchar",
        "period_start": "date",
        "period_end": "date",
        "is_start_derived": "boolean",
        "amount_usd": "decimal(20, 2)",
        "form": "varchar",
        "fiscal_year": "integer",
        "fiscal_period": "varchar",
        "accession": "varchar",
        "filed_on": "date",
    },
    key=("cik", "tag", "period_start", "period_end", "accession"),
    required=("cik", "tag", "period_end", "amount_usd", "accession", "filed_on"),
    rules=(
        Rule("period", "period_start", "period_start <= period_end", "it ends before it begins"),
        Rule(
            "filed_early",
            "filed_on",
            "filed_on >= period_end",
            "it was filed before the period ended",
        ),
        Rule("future", "filed_on", "filed_on <= cast(as_of as date)", "the day is to come"),
        Rule("cik", "cik", "length(cik) = 10", "a key has ten digits"),
    ),
    measure="abs(amount_usd)",
    group="tag",
    newest="max(filed_on)",
)


def requests(feed: Feed, ask: Ask, secrets: Mapping[str, str]) -> Iterable[Request]:
    """Yield one request for each company."""
    if not ask.ciks:
        raise ValueError("no company with an SEC key is known; refresh the ledger first")
    for cik in ask.ciks:
        yield Request(form="company", address=f"{feed.address}CIK{cik}.json", partition=cik)


def _find(document: Any) -> list[Any]:
    tags = document["facts"].get("us-gaap", {})
    return [value for tag in TAGS for value in tags.get(tag, {}).get("units", {}).get("USD", [])]


def _select_company(path: str, snapshot: Snapshot) -> str:
    tags = ", ".join(quote_text(tag) for tag in TAGS)
    return f"""
        select
            row_number() over () as record,
            cast(entry as varchar) as raw_text,
            lpad(cik, 10, '0') as cik,
            tag,
            entry ->> 'start' as period_start,
            entry ->> 'end' as period_end,
            'false' as is_start_derived,
            entry ->> 'val' as amount_usd,
            entry ->> 'form' as form,
            entry ->> 'fy' as fiscal_year,
            entry ->> 'fp' as fiscal_period,
            entry ->> 'accn' as accession,
            entry ->> 'filed' as filed_on
        from (
            select
                cik,
                tag,
                unnest(cast(facts -> 'us-gaap' -> tag -> 'units' -> 'USD' as json[])) as entry
            from {read_json(path, cik="varchar", facts="json")}
            cross join (select unnest([{tags}]) as tag)
        )
    """


_END = "try_cast(line.period_end as date)"
_MONTHS = (
    "case when regexp_matches(coalesce(line.frame, ''), '^CY[0-9]{4}Q[1-4]$') then 3"
    " when regexp_matches(coalesce(line.frame, ''), '^CY[0-9]{4}$') or line.fp = 'FY' then 12"
    " when line.fp in ('Q1', 'Q2', 'Q3') then 3 * cast(right(line.fp, 1) as integer) end"
)

FORMS = (
    json_form("company", FACT, _find, _select_company),
    csv_form(
        "extract",
        FACT,
        {
            "cik": "cik",
            "tag": "tag",
            "period_end": "period_end",
            "amount_usd": "val",
            "form": "form",
            "fiscal_year": "fy",
            "fiscal_period": "fp",
            "accession": "accn",
            "filed_on": "filed",
        },
        constants={
            "period_start": (
                f"cast(cast(last_day({_END} - to_months({_MONTHS})) + 1 as date) as varchar)"
            ),
            "is_start_derived": "'true'",
        },
    ),
)

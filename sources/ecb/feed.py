"""The ECB's exchange rates.

Judgements made here:
- a record is one currency on one day; `N/A` and an empty cell are a gap and stay null;
- the file is whole each time, so the newest good one is used alone;
- columns are currencies when they are named by three capitals; the archive's CSV ends its lines with
  a comma, which makes one more column without a name.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping

from sources.feeds.feed import Ask, Feed, Request
from sources.feeds.forms import CSV_MEDIA, ZIP_MEDIA, Form, Rule, Table, count_lines, read_csv
from sources.feeds.snapshots import Snapshot, unzip

RATE = Table(
    name="rate",
    columns={"rate_on": "date", "currency": "varchar", "units_per_euro": "decimal(18, 6)"},
    key=("rate_on", "currency"),
    required=("rate_on", "currency"),
    rules=(
        Rule("not_positive", "units_per_euro", "units_per_euro > 0", "a rate is above nothing"),
        Rule("future", "rate_on", "rate_on <= cast(as_of as date)", "the day is to come"),
    ),
    measure="units_per_euro",
    group="currency",
    newest="max(rate_on)",
    largest_jump=3,
    most_rows_per=("currency", 20_000),
    # The history since 1999 may follow a sample of few years.
    largest_growth=8,
)

_CURRENCY = re.compile(r"[A-Z]{3}")


def requests(feed: Feed, ask: Ask, secrets: Mapping[str, str]) -> Iterable[Request]:
    """Yield the one request for the whole history."""
    yield Request(form="history_archive", address=feed.address)


def _count(content: bytes) -> int:
    lines = count_lines(content, ["Date", "USD"])
    header = next(csv.reader(io.StringIO(content.decode(), newline="")))
    return lines * sum(bool(_CURRENCY.fullmatch(label)) for label in header)


def _select(path: str, snapshot: Snapshot) -> str:
    return f"""
        select
            row_number() over () as record,
            concat_ws(',', "Date", currency, told) as raw_text,
            "Date" as rate_on,
            currency,
            nullif(told, 'N/A') as units_per_euro
        from {read_csv(path)}
        unpivot include nulls (told for currency in (columns('^[A-Z]{{3}}$')))
    """


FORMS = (
    Form("history", RATE, _count, _select, CSV_MEDIA),
    Form(
        "history_archive",
        RATE,
        _count,
        _select,
        ZIP_MEDIA,
        lambda body, most: unzip(body, ".csv", most),
    ),
)

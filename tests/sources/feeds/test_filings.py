"""Filings are found by search, read once, and quoted; what cannot be read is set aside."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest

from sources.feeds.feed import Ask, Feed
from sources.feeds.http import Downloader
from sources.feeds.load import FeedReport, create_tables, load_feed
from sources.feeds.poll import poll_feed
from sources.feeds.snapshots import Store
from sources.sec_filings.feed import find_figures
from tests.sources.feeds.publisher import Answer, Publisher, point_at, serve

_CIK = "0001769628"
_TODAY = date(2026, 11, 24)
_DOCUMENT = """<html><head><style>p {width: 5 MW}</style></head><body>
<p>Item 1.01 On November 3, 2026 the Company entered into an agreement to provide 250&nbsp;MW of
data center capacity, valued at up to $6.5 billion.</p>
<p>Revenue was $1.2 billion.</p><p>The grid study covers 1,200 megawatts.</p></body></html>"""


@pytest.fixture(autouse=True)
def leave_writing_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class Edgar:
    """A search with some hits, and the documents that they name."""

    def __init__(self) -> None:
        self.names = ["d1.htm"]
        self.documents = {
            "d1.htm": Answer(_DOCUMENT.encode(), headers={"Content-Type": "text/html"})
        }
        self.asked: list[str] = []
        self.search: Answer | None = None

    def __call__(self, path: str) -> Answer:
        parts = urlsplit(path)
        self.asked.append(parts.path)
        if parts.path != "/LATEST/search-index":
            return self.documents[parts.path.rsplit("/", 1)[-1]]
        if self.search is not None:
            return self.search
        asked = parse_qs(parts.query)
        begin = int(asked["from"][0])
        names = self.names if asked["q"] == ['"gigawatts"'] else []
        return Answer(json.dumps(self._tell(names, begin)).encode(), headers=_JSON)

    @staticmethod
    def _tell(names: list[str], begin: int) -> dict[str, Any]:
        hits = [
            {
                "_id": f"0001769628-26-000123:{name}",
                "_source": {
                    "ciks": [_CIK],
                    "display_names": ["CoreWeave, Inc.  (CRWV)  (CIK 0001769628)"],
                    "adsh": "0001769628-26-000123",
                    "file_date": "2026-11-03",
                    "form": "8-K",
                },
            }
            for name in names[begin : begin + 100]
        ]
        return {"hits": {"total": {"value": len(names)}, "hits": hits}}


_JSON = {"Content-Type": "application/json"}


class Desk:
    def __init__(self, publisher: Publisher, folder: Path) -> None:
        self.edgar = Edgar()
        publisher.think = self.edgar
        feed: Feed = point_at(publisher, "sec_filings")
        self.feed = dataclasses.replace(feed, folder=folder)
        self.store = Store(folder / "snapshots")
        self.work_dir = folder / "work"
        self.connection = duckdb.connect(config={"threads": 1})
        self.now = datetime(2026, 11, 24, 12)

    def refresh(self) -> FeedReport:
        self.now += timedelta(days=1)
        self.edgar.asked.clear()
        ask = Ask(_TODAY, _TODAY - timedelta(days=14), _TODAY, ciks=[_CIK])
        fetch = Downloader(self.feed.hosts, self.feed.limits, "Gigaledger (me@example.org)")
        problems = poll_feed(self.feed, self.store, fetch, ask, {}, lambda: self.now)
        create_tables(self.connection, [self.feed])
        told = [problem.message for problem in problems]
        return load_feed(self.connection, self.feed, self.store, self.work_dir, problems=told)

    def figures(self) -> list[tuple[str, float, str, int]]:
        return self.connection.execute(
            "select distinct file_name, quantity::double, unit, score"
            " from raw_sec_filings.figure order by all"
        ).fetchall()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serve() as publisher:
        yield Desk(publisher, tmp_path)


def test_filings_are_found_and_their_figures_quoted(desk: Desk) -> None:
    report = desk.refresh()

    assert report.problems == []
    assert desk.figures() == [
        ("d1.htm", 250.0, "MW", 3),
        ("d1.htm", 1200.0, "MW", 1),
        ("d1.htm", 6.5e9, "USD", 2),
    ]
    assert desk.connection.execute(
        "select distinct cik, accession, file_name, form, filed_on::varchar, company"
        " from raw_sec_filings.filing"
    ).fetchall() == [
        (
            _CIK,
            "0001769628-26-000123",
            "d1.htm",
            "8-K",
            "2026-11-03",
            "CoreWeave, Inc.  (CRWV)  (CIK 0001769628)",
        )
    ]
    quotes = desk.connection.execute("select quote from raw_sec_filings.figure").fetchall()
    assert any("entered into an agreement to provide 250 MW of data center" in q for (q,) in quotes)


def test_a_document_that_was_read_is_not_fetched_again(desk: Desk) -> None:
    desk.refresh()
    before = desk.figures()

    desk.refresh()

    assert [path for path in desk.edgar.asked if path.endswith("d1.htm")] == []
    assert desk.figures() == before


def test_every_page_of_a_search_is_asked_for(desk: Desk) -> None:
    desk.edgar.names = [f"d{number}.htm" for number in range(130)]
    desk.edgar.documents = {
        name: Answer(_DOCUMENT.replace("250", str(number + 1)).encode())
        for number, name in enumerate(desk.edgar.names)
    }

    assert desk.refresh().problems == []

    assert desk.connection.execute(
        "select count(distinct file_name) from raw_sec_filings.figure"
    ).fetchone() == (130,)


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (Answer(b"\xff\xfe binary", headers={"Content-Type": "text/html"}), "encoding"),
        (Answer(b"", headers={"Content-Type": "text/html"}), "empty"),
        (Answer(b"%PDF-1.7", headers={"Content-Type": "application/pdf"}), "media_type"),
    ],
)
def test_a_document_that_cannot_be_read_is_set_aside_and_fetched_again(
    desk: Desk, answer: Answer, rule: str
) -> None:
    good = desk.edgar.documents["d1.htm"]
    desk.edgar.documents["d1.htm"] = answer

    desk.refresh()

    refused = desk.connection.execute("select raw_table, rule from raw_feeds.quarantine").fetchall()
    assert refused == [("figure", rule)]
    assert desk.figures() == []

    desk.edgar.documents["d1.htm"] = good
    desk.refresh()
    assert len(desk.figures()) == 3


def test_a_search_of_another_form_is_kept_and_told(desk: Desk) -> None:
    desk.refresh()
    before = desk.figures()
    desk.edgar.search = Answer(json.dumps({"results": []}).encode(), headers=_JSON)

    report = desk.refresh()

    assert any("its form is new" in problem for problem in report.problems)
    rules = desk.connection.execute("select distinct rule from raw_feeds.quarantine").fetchall()
    assert rules == [("columns",)]
    assert desk.figures() == before


def test_dollars_count_only_beside_compute() -> None:
    assert list(find_figures("<p>Net income was $3 billion.</p>")) == []
    (figure,) = find_figures("<p>We committed $3.5 billion to GPU purchases.</p>")
    assert (figure["quantity"], figure["unit"], figure["score"]) == ("3500000000.00", "USD", 2)

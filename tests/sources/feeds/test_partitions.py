"""Ninety days filled in one by one, asked for twice, and one of them corrected late."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from sources.feeds.feed import Ask
from sources.feeds.http import Downloader
from sources.feeds.load import create_tables, load_feed
from sources.feeds.poll import poll_feed
from sources.feeds.snapshots import Store
from tests.sources.feeds.publisher import Publisher, point_at, serve
from tests.sources.feeds.rankings import NEWEST, Rankings

_FIRST, _LAST = date(2026, 5, 24), date(2026, 8, 21)


@pytest.fixture(autouse=True)
def leave_writing_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with serve() as publisher:
        yield publisher


def test_ninety_days_twice_and_a_late_correction(publisher: Publisher, tmp_path: Path) -> None:
    rankings = Rankings()
    publisher.think = rankings
    feed = point_at(publisher, "openrouter")
    feed = feed.__class__(**{**vars(feed), "folder": tmp_path, "curated": {}})
    store = Store(tmp_path / "snapshots")
    fetch = Downloader(feed.hosts, feed.limits, "Gigaledger")
    connection = duckdb.connect(config={"threads": 1})
    clock = iter(datetime(2026, 8, 22, 7) + timedelta(minutes=number) for number in range(1000))

    def refresh(first: date, *, by_day: bool) -> dict[date, str]:
        ask = Ask(_LAST, first, _LAST, by_day=by_day)
        secrets = {"openrouter_key": "k"}
        assert poll_feed(feed, store, fetch, ask, secrets, lambda: next(clock)) == []
        create_tables(connection, [feed])
        report = load_feed(connection, feed, store, tmp_path / "work")
        assert report.problems == []
        return dict(connection.execute(NEWEST).fetchall())

    once = refresh(_FIRST, by_day=True)
    assert len(publisher.asked) == 90
    assert sorted(once) == [_FIRST + timedelta(days=number) for number in range(90)]
    kept = len(store.list("openrouter"))

    assert refresh(_FIRST, by_day=True) == once
    assert len(store.list("openrouter")) == kept == 90

    corrected = _LAST - timedelta(days=9)
    rankings.as_of = "2026-09-01T06:00:00Z"
    rankings.days[corrected.isoformat()][0]["total_tokens"] = "1234567"
    later = refresh(_LAST - timedelta(days=14), by_day=False)

    assert {day for day in once if later[day] != once[day]} == {corrected}
    counts = connection.execute(
        "select count(distinct vintage_at) from raw_openrouter.ranking where ranked_on = ?",
        [corrected],
    ).fetchone()
    assert counts == (2,)

"""Every feed against a publisher with faults: nothing is lost, and the last good data is used."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sources.feeds.feed import Ask, Feed
from sources.feeds.http import Downloader
from sources.feeds.load import FeedReport, create_tables, load_feed
from sources.feeds.poll import poll_feed
from sources.feeds.snapshots import Origin, Store
from tests.sources.feeds.publisher import (
    EPOCH_PAGE,
    FAST,
    Answer,
    Publisher,
    Recorded,
    Row,
    list_recorded,
    point_at,
    serve,
)

_RECORDED = list_recorded()
_NOON = datetime(2026, 12, 1, 12)
_PLACE = ("snapshot_id", "record", "as_of", "vintage_at", "from_day", "listed_until")
_SECRETS = {"openrouter_key": "sk-or-secret", "contact": "me@example.org"}


@pytest.fixture(scope="module", autouse=True)
def leave_writing_to_the_system() -> Iterator[None]:
    """Wait for no disk: what survives a power cut is not looked at here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with serve() as publisher:
        yield publisher


class Desk:
    """One feed, its store, and a database to load into."""

    def __init__(self, feed: Feed, folder: Path) -> None:
        self.feed = feed
        self.store = Store(folder / "snapshots")
        self.work_dir = folder / "work"
        self.connection = duckdb.connect(config={"threads": 1})
        self.waits: list[float] = []

    def refresh(self, day: int, ask: Ask | None = None) -> FeedReport:
        """Poll at noon of a day after the first of December, then load."""
        now = _NOON + timedelta(days=day)
        today = now.date()
        wanted = ask or Ask(today, today - timedelta(days=14), today, ciks=["0000789019"])
        fetch = Downloader(
            self.feed.hosts,
            self.feed.limits,
            "Gigaledger (me@example.org)",
            sleep=self.waits.append,
        )
        problems = poll_feed(self.feed, self.store, fetch, wanted, _SECRETS, lambda: now)
        return self.load(now, [problem.message for problem in problems])

    def load(self, since: datetime | None = None, problems: Sequence[str] = ()) -> FeedReport:
        create_tables(self.connection, [self.feed])
        report = load_feed(
            self.connection,
            self.feed,
            self.store,
            self.work_dir,
            live_since=since,
            problems=problems,
        )
        self.require_all_accounted_for()
        return report

    def rows(self, table: str) -> list[Any]:
        """Every row, without what says where it came from and on which day."""
        return self.connection.execute(
            f"select distinct columns(lambda name: name not in {_PLACE}) from {self.feed.schema}.{table}"
            " order by all"
        ).fetchall()

    def require_all_accounted_for(self) -> None:
        for table in self.feed.tables:
            odd = self.connection.execute(
                f"""
                select * from (
                    select snapshot_id, raw_table, sum(received) as received,
                        sum(accepted) as accepted, sum(quarantined) as quarantined
                    from raw_feeds.snapshot group by all
                ) as told
                left join (
                    select snapshot_id, count(*) as there from {self.feed.schema}.{table.name}
                    group by all
                ) using (snapshot_id)
                left join (
                    select snapshot_id, count(*) as refused from raw_feeds.quarantine
                    where raw_table = ? group by all
                ) using (snapshot_id)
                where raw_table = ? and (
                    accepted + quarantined <> received
                    or coalesce(there, 0) <> accepted
                    or coalesce(refused, 0) <> quarantined
                )
                """,
                [table.name, table.name],
            ).fetchall()
            assert odd == []


@pytest.fixture(params=_RECORDED)
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return _RECORDED[request.param]


def _open_desk(publisher: Publisher, recorded: Recorded, folder: Path) -> Desk:
    """Return a desk whose publisher answers well; the feed's samples are left out."""
    publisher.answers.clear()
    publisher.asked.clear()
    name = next(key for key, value in _RECORDED.items() if value is recorded).split()[0]
    publisher.say("/data/ai-data-centers", Answer(EPOCH_PAGE.encode()))
    for other in _RECORDED.values():
        publisher.say(other.path, other.answer())
    feed = point_at(publisher, name)
    return Desk(dataclasses.replace(feed, folder=folder, curated={}), folder)


@pytest.fixture(scope="module")
def yesterday(publisher: Publisher, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What is kept of each feed after good replies on the day before."""
    folders = {}
    for name, recorded in _RECORDED.items():
        desk = _open_desk(publisher, recorded, tmp_path_factory.mktemp("yesterday"))
        report = desk.refresh(-1)
        assert (report.kind, report.problems) == (Origin.LIVE.value, [])
        folders[name] = desk.store.folder
    return folders


@pytest.fixture
def desk(
    publisher: Publisher, recorded: Recorded, yesterday: dict[str, Path], tmp_path: Path
) -> Desk:
    """A feed whose publisher gave good replies yesterday."""
    desk = _open_desk(publisher, recorded, tmp_path)
    name = next(key for key, value in _RECORDED.items() if value is recorded)
    shutil.copytree(yesterday[name], desk.store.folder)
    desk.load()
    return desk


def _quarantined(desk: Desk, recorded: Recorded) -> list[tuple[str, str, str]]:
    return desk.connection.execute(
        "select rule, message, remedy from raw_feeds.quarantine where raw_table = ?"
        " order by record",
        [recorded.table],
    ).fetchall()


_UNHEARD = {
    "timeout": (Answer(wait=2), "no answer within 0.2 s"),
    "too many requests": (Answer(status=429, headers={"Retry-After": "0"}), "answers 429"),
    "server error": (Answer(status=500), "answers 500"),
    "login page": (
        Answer(status=302, headers={"Location": "https://login.example.org/sso"}),
        "login.example.org is no host that source.yml lists",
    ),
    "slow drip": (Answer(b"x" * 500, drip=0.02), "not complete after"),
    "cut connection": (Answer(b"x" * 9, headers={"Content-Length": "99"}), "broken off after"),
    "endless": (Answer(b"x" * 9_000_000), "sends more than 5,000,000 bytes"),
}


_IMPATIENT = {"timeout": {"idle_seconds": 0.2}, "slow drip": {"seconds": 0.4}}


# What is not received has no form: one part of each feed will do.
@pytest.mark.parametrize("recorded", [name for name in _RECORDED if " " not in name], indirect=True)
@pytest.mark.parametrize("fault", _UNHEARD)
def test_what_is_not_received_leaves_the_last_good_data_in_use(
    publisher: Publisher, desk: Desk, recorded: Recorded, fault: str
) -> None:
    before = desk.rows(recorded.table)
    answer, reason = _UNHEARD[fault]
    if fault in _IMPATIENT:
        limits = dataclasses.replace(FAST, **_IMPATIENT[fault])
        desk.feed = dataclasses.replace(desk.feed, limits=limits)
    publisher.say(recorded.path, answer)

    report = desk.refresh(0)

    assert [problem for problem in report.problems if reason in problem] == report.problems != []
    assert "sk-or-secret" not in "".join(report.problems)
    assert desk.rows(recorded.table) == before
    assert report.kind == Origin.CACHED.value
    assert report.age_days(_NOON) == 1


def _drop(rows: Sequence[Row], label: str) -> list[Row]:
    return [{name: value for name, value in row.items() if name != label} for row in rows]


def _rename(rows: Sequence[Row], label: str) -> list[Row]:
    return [
        {f"{name} (new)" if name == label else name: value for name, value in row.items()}
        for row in rows
    ]


def _change_unit(rows: Sequence[Row], label: str) -> list[Row]:
    def times_1000(told: Any) -> str:
        return f"{float(told) * 1000:.12f}".rstrip("0").rstrip(".")

    return [row | {label: times_1000(row[label])} if row[label] else row for row in rows]


def _spoil(recorded: Recorded, fault: str) -> Answer:
    rows = recorded.rows
    good = recorded.answer()
    web_page = b"<!doctype html><html><body>Please sign in</body></html>"
    match fault:
        case "web page":
            return dataclasses.replace(
                good, body=web_page, headers={"Content-Type": "text/html; charset=utf-8"}
            )
        case "web page called something else":
            return dataclasses.replace(good, body=web_page)
        case "cut packing":
            packed = recorded.answer(packed=True)
            return dataclasses.replace(packed, body=packed.body[: len(packed.body) // 2])
        case "empty":
            return dataclasses.replace(good, body=b"")
        case "bad encoding" if recorded.media == "application/zip":
            return dataclasses.replace(good, body=good.body[:-30])
        case "bad encoding":
            return dataclasses.replace(good, body=good.body[:-20] + b"\xff\xfe" + good.body[-20:])
        case "renamed column":
            return recorded.answer(_rename(rows, recorded.label))
        case "dropped column":
            return recorded.answer(_drop(rows, recorded.label))
        case "other unit":
            return recorded.answer(_change_unit(rows, recorded.unit))
        case "older copy":
            return recorded.answer(rows[:-1], days_old=3)
        case "ten times the rows":
            more = [recorded.again(row, number) for number in range(9) for row in rows]
            return recorded.answer([*rows, *more])
    raise AssertionError(fault)


_USELESS = {
    "web page": {"media_type"},
    "web page called something else": {"media_type", "archive"},
    "cut packing": {"cut_packing"},
    "empty": {"empty", "archive"},
    "bad encoding": {"encoding", "archive"},
    "renamed column": {"columns", "mostly_refused"},
    "dropped column": {"columns", "mostly_refused"},
    "other unit": {"unit", "mostly_refused"},
    "older copy": {"older_copy"},
    "ten times the rows": {"row_count", "mostly_refused"},
}


@pytest.mark.parametrize("fault", _USELESS)
def test_what_cannot_be_used_is_kept_refused_and_told(
    publisher: Publisher, desk: Desk, recorded: Recorded, fault: str
) -> None:
    before = desk.rows(recorded.table)
    spoilt = _spoil(recorded, fault)
    publisher.say(recorded.path, spoilt)

    report = desk.refresh(0)

    received = desk.store.list(desk.feed.name)[-1]
    kept = [
        item.path.read_bytes()
        for item in desk.store.list(desk.feed.name)
        if item.partition == recorded.partition and item.form == recorded.form
    ]
    assert spoilt.body in kept
    assert received.address.startswith(publisher.address)
    refused = _quarantined(desk, recorded)
    assert len(refused) == 1 and refused[0][0] in _USELESS[fault]
    assert all(refused[0])
    assert desk.rows(recorded.table) == before
    assert report.kind == Origin.CACHED.value and report.age_days(_NOON) == 1
    assert [problem for problem in report.problems if "was refused" in problem] != []


def test_the_next_good_reply_is_asked_for_anew_and_used(
    publisher: Publisher, desk: Desk, recorded: Recorded
) -> None:
    publisher.say(recorded.path, _spoil(recorded, "renamed column"))
    desk.refresh(0)
    spoilt = publisher.asked[-1]
    publisher.say(recorded.path, recorded.answer())
    publisher.asked.clear()

    report = desk.refresh(1)

    asked = [headers for path, headers in publisher.asked if path.startswith(recorded.path)]
    # What was refused has another tag; asking whether *that* has changed would keep it for ever.
    assert asked[0].get("if-none-match") != f'"{len(_spoil(recorded, "renamed column").body)}"'
    assert report.kind == Origin.LIVE.value
    assert spoilt[1]["user-agent"] == "Gigaledger (me@example.org)"


def test_reordered_columns_and_packed_replies_change_nothing(
    publisher: Publisher, desk: Desk, recorded: Recorded
) -> None:
    before = desk.rows(recorded.table)
    turned = [dict(reversed(row.items())) for row in recorded.rows]
    publisher.say(
        recorded.path, recorded.answer(turned, packed=recorded.media != "application/zip")
    )

    report = desk.refresh(0)

    assert report.problems == []
    assert set(desk.rows(recorded.table)) == set(before)
    assert _quarantined(desk, recorded) == []


def test_records_that_come_twice_are_kept_once_and_told(
    publisher: Publisher, desk: Desk, recorded: Recorded
) -> None:
    before = set(desk.rows(recorded.table))
    publisher.say(recorded.path, recorded.answer([*recorded.rows, recorded.rows[0]]))

    report = desk.refresh(0)

    refused = _quarantined(desk, recorded)
    assert {rule for rule, *_ in refused} == {"duplicate"}
    assert set(desk.rows(recorded.table)) == before
    assert report.kind == Origin.LIVE.value


def test_an_older_copy_that_is_sent_again_is_not_used(
    publisher: Publisher, desk: Desk, recorded: Recorded
) -> None:
    older = publisher.answers[recorded.path][0]
    publisher.say(recorded.path, recorded.answer([*recorded.rows[:-1]]))
    desk.refresh(0)
    newer = desk.rows(recorded.table)
    publisher.say(recorded.path, dataclasses.replace(older, headers={}))

    report = desk.refresh(1)

    assert [problem for problem in report.problems if "older copy again" in problem] != []
    assert desk.rows(recorded.table) == newer


def test_an_unchanged_reply_is_confirmed_not_sent_again(
    publisher: Publisher, desk: Desk, recorded: Recorded
) -> None:
    before = desk.rows(recorded.table)
    publisher.say(recorded.path, Answer(status=304))
    publisher.asked.clear()
    # The same address: the same days are asked for again.
    yesterday = (_NOON - timedelta(days=1)).date()
    same = Ask(yesterday, yesterday - timedelta(days=14), yesterday, ciks=["0000789019"])

    report = desk.refresh(0, same)

    asked = next(headers for path, headers in publisher.asked if path.startswith(recorded.path))
    assert asked["if-none-match"] and asked["if-modified-since"]
    assert report.kind == Origin.LIVE.value and report.age_days(_NOON) == 0
    assert desk.rows(recorded.table) == before


def test_without_any_reply_the_bundled_sample_is_used(
    publisher: Publisher, recorded: Recorded, desk: Desk, tmp_path: Path
) -> None:
    name = desk.feed.name
    alone = Desk(point_at(publisher, name), tmp_path / "alone")
    publisher.answers.clear()

    report = alone.refresh(0)

    assert report.kind == Origin.BUNDLED.value
    assert alone.rows(recorded.table) != []
    assert [problem for problem in report.problems if "answers 404" in problem] != []
    assert (report.age_days(_NOON) or 0) > 0

"""Feeds are polled and loaded as the settings say, and none of them stops a refresh."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import duckdb
import pytest

from orchestration.assets.feeds import make_raw_feeds
from orchestration.feeds import load_feeds
from orchestration.settings import ROOT, Settings
from orchestration.steps import INPUT_TABLE, open_work
from sources.feeds.feed import Feed, find_feeds
from sources.feeds.forms import Table
from sources.feeds.load import SHARED_TABLES
from tests.orchestration.conftest import make_world
from tests.sources.feeds.publisher import (
    Publisher,
    list_recorded,
    point_at,
    read_rows,
    serve,
)

_ECB_SAMPLE = "ecb-eurofxref-2023-01_2026-10.csv"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with serve() as publisher:
        yield publisher


@pytest.fixture
def begun(tmp_path: Path) -> Settings:
    """A world whose work database is begun, as the load of the ledger leaves it."""
    world = make_world(tmp_path)
    world.work_dir.mkdir(parents=True)
    with duckdb.connect(world.work_database) as connection:
        connection.execute(
            f"""
            create schema raw_ledger;
            create table raw_ledger.organization as select '0000789019' as cik;
            create table {INPUT_TABLE} (path varchar, byte_count bigint, sha256 varchar);
            """
        )
    return world


def test_every_raw_table_of_a_feed_is_an_asset() -> None:
    keys = {tuple(key.path) for key in make_raw_feeds().keys}

    for feed in find_feeds().values():
        for table in (*(table.name for table in feed.tables), *feed.curated):
            assert (feed.schema, table) in keys
    assert {("raw_feeds", table) for table in SHARED_TABLES} <= keys


def test_offline_every_feed_is_read_from_its_sample_and_named_as_an_input(begun: Settings) -> None:
    reports = load_feeds(begun)

    assert {report.feed for report in reports} == set(find_feeds())
    kinds = {report.feed: report.kind for report in reports}
    # Filings have no sample: without a poll there is nothing to review.
    assert kinds.pop("sec_filings") == "none"
    assert set(kinds.values()) == {"bundled"}
    assert [report.feed for report in reports if report.problems] == []
    assert {report.feed for report in reports if not report.accepted} == {"sec_filings"}
    with open_work(begun) as connection:
        inputs = dict(connection.execute(f"select path, sha256 from {INPUT_TABLE}").fetchall())
        snapshots = connection.execute(
            "select feed, snapshot_id, accepted + quarantined = received from raw_feeds.snapshot"
        ).fetchall()
    for feed, sha256, is_accounted_for in snapshots:
        assert inputs[f"snapshots/{feed}/{sha256}"] == sha256
        assert is_accounted_for
    assert {"openrouter/makers.yml", "epoch/matches.yml"} <= set(inputs)


def test_live_each_feed_that_can_be_asked_is_asked(begun: Settings, publisher: Publisher) -> None:
    for item in list_recorded().values():
        publisher.say(item.path, item.answer())
    ecb = list_recorded()["ecb"]
    publisher.say(ecb.path, ecb.answer(read_rows(f"ecb/samples/{_ECB_SAMPLE}")))
    feeds = [point_at(publisher, name) for name in ("ecb", "openrouter", "sec_facts")]
    live = dataclasses.replace(begun, is_live=True, openrouter_key="sk-or-secret")

    told = {report.feed: report for report in load_feeds(live, feeds)}

    assert told["ecb"].kind == told["openrouter"].kind == "live"
    assert (told["sec_facts"].kind, told["sec_facts"].problems) == (
        "bundled",
        ["not asked: GIGALEDGER_CONTACT is not set"],
    )
    kept = "".join(
        path.read_text(errors="replace") for path in live.snapshots_dir.rglob("*") if path.is_file()
    )
    assert "rankings-daily" in kept and "sk-or-secret" not in kept

    publisher.answers.clear()
    again = {report.feed: report for report in load_feeds(live, feeds)}
    assert again["ecb"].kind == "cached"
    assert "answers 404" in again["ecb"].problems[0]


def test_companies_are_asked_for_only_once_the_ledger_is_known(
    begun: Settings, publisher: Publisher
) -> None:
    with duckdb.connect(begun.work_database) as connection:
        connection.execute("truncate raw_ledger.organization")
    live = dataclasses.replace(begun, is_live=True, contact="me@example.org")

    (report,) = load_feeds(live, [point_at(publisher, "sec_facts")])

    assert "refresh the ledger first" in report.problems[0]
    assert publisher.asked == []


def test_a_feed_that_fails_leaves_the_others_alone(begun: Settings) -> None:
    feeds = find_feeds()
    broken = _with_broken_table(feeds["ecb"])

    told = {report.feed: report for report in load_feeds(begun, [broken, feeds["openrouter"]])}

    assert told["ecb"].kind == "none" and "cannot be loaded" in told["ecb"].problems[0]
    assert told["openrouter"].kind == "bundled"
    with open_work(begun) as connection:
        assert connection.execute("select count(*) from raw_ecb.rate").fetchone() == (0,)
        assert connection.execute(
            "select feed, kind from raw_feeds.status order by feed"
        ).fetchall() == [("ecb", "none"), ("openrouter", "bundled")]


def _with_broken_table(feed: Feed) -> Feed:
    def spoil(table: Table) -> Table:
        return dataclasses.replace(table, newest="max(no_such_column)")

    return dataclasses.replace(
        feed,
        forms={
            name: dataclasses.replace(form, table=spoil(form.table))
            for name, form in feed.forms.items()
        },
    )


def test_a_feed_that_is_not_there_is_named_before_anything_is_asked() -> None:
    command = [sys.executable, "-m", "orchestration.feeds", "ebc"]

    ended = run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "there is no feed ebc; there are ecb, epoch" in ended.stderr

"""Feeds are asked by day and by company, again only where that may help, and when they are due."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from orchestration.assets import polls
from orchestration.assets.polls import COMPANIES, keep_companies, make_poll, name_poll
from orchestration.definitions import build_definitions
from orchestration.freshness import find_answer
from orchestration.settings import Settings
from sources.feeds.feed import Feed, find_feeds
from sources.feeds.load import create_tables, load_feed
from sources.feeds.snapshots import Store
from tests.orchestration.conftest import open_world, write_ledger
from tests.sources.feeds.publisher import (
    Answer,
    Publisher,
    list_recorded,
    point_at,
    read_rows,
    serve,
)
from tests.sources.feeds.rankings import NEWEST, Rankings

_DAYS = [date(2026, 5, 24) + timedelta(days=number) for number in range(90)]
_MICROSOFT, _ORACLE = "microsoft:0000789019", "oracle:0001341439"
_FACTS = "/api/xbrl/companyfacts/CIK{}.json"


@pytest.fixture(autouse=True)
def leave_writing_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(autouse=True)
def retry_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "RETRIES", dg.RetryPolicy(max_retries=2, delay=0))


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with serve() as publisher:
        yield publisher


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    world = open_world(tmp_path)
    return dataclasses.replace(world, contact="me@example.org", openrouter_key="sk-or-secret")


def _run(
    settings: Settings, feed: Feed, instance: dg.DagsterInstance, **options: Any
) -> dg.ExecuteInProcessResult:
    poll = make_poll(settings, feed)
    return dg.materialize([poll], instance=instance, raise_on_error=False, **options)


def _range(first: str, last: str) -> dict[str, str]:
    return {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}


def _count_retries(outcome: dg.ExecuteInProcessResult) -> int:
    return sum(event.is_step_up_for_retry for event in outcome.all_events)


def _find_jobs(settings: Settings, feeds: Sequence[Feed]) -> dg.RepositoryDefinition:
    """Return everything that is defined about feeds, without any model."""
    nothing = {
        "nodes": {}, "sources": {}, "metrics": {}, "semantic_models": {}, "saved_queries": {},
        "exposures": {}, "unit_tests": {}, "child_map": {}, "parent_map": {}, "groups": {},
        "metadata": {"adapter_type": "duckdb", "project_name": "gigaledger"},
    }  # fmt: skip
    return build_definitions(settings, nothing, feeds=feeds).get_repository_def()


def test_a_backfill_of_ninety_days_runs_twice_alike_and_a_late_correction_changes_its_day(
    settings: Settings, publisher: Publisher, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    publisher.think = rankings = Rankings()
    feed = dataclasses.replace(point_at(publisher, "openrouter"), folder=tmp_path, curated={})
    store = Store(settings.snapshots_dir)
    every_day = _range(_DAYS[0].isoformat(), _DAYS[-1].isoformat())

    def load() -> dict[date, str]:
        with duckdb.connect(config={"threads": 1}) as connection:
            create_tables(connection, [feed])
            assert load_feed(connection, feed, store, tmp_path / "work").problems == []
            return dict(connection.execute(NEWEST).fetchall())

    assert _run(settings, feed, instance, tags=every_day).success

    kept = instance.get_materialized_partitions(name_poll(feed))
    assert kept == {day.isoformat() for day in _DAYS}
    assert len(publisher.asked) == 90
    once = load()
    assert sorted(once) == _DAYS

    assert _run(settings, feed, instance, tags=every_day).success
    assert load() == once
    assert len(store.list("openrouter")) == 90

    corrected = _DAYS[40].isoformat()
    rankings.as_of = "2026-09-01T06:00:00Z"
    rankings.days[corrected][0]["total_tokens"] = "1234567"
    publisher.asked.clear()
    assert _run(settings, feed, instance, partition_key=corrected).success

    assert [path.split("start_date=")[1][:10] for path, _ in publisher.asked] == [corrected]
    later = load()
    assert {day.isoformat() for day in once if later[day] != once[day]} == {corrected}


def test_companies_of_the_ledger_are_partitions_and_one_that_fails_leaves_the_others(
    settings: Settings, publisher: Publisher, instance: dg.DagsterInstance
) -> None:
    keep_companies(instance, {"gone": "0000000001", "oracle": "0001341439"})
    keep_companies(instance, {"microsoft": "0000789019", "oracle": "0001341439"})
    assert set(instance.get_dynamic_partitions(str(COMPANIES.name))) == {_MICROSOFT, _ORACLE}
    publisher.say(_FACTS.format("0000789019"), list_recorded()["sec_facts"].answer())
    feed = point_at(publisher, "sec_facts")

    outcome = _run(settings, feed, instance, tags=_range(_ORACLE, _MICROSOFT))

    assert not outcome.success
    assert instance.get_materialized_partitions(name_poll(feed)) == {_MICROSOFT}
    assert len(Store(settings.snapshots_dir).list("sec_facts")) == 1
    # An answer that says no is asked for once.
    assert _count_retries(outcome) == 0
    assert len(publisher.asked) == 2


def test_what_may_pass_is_tried_again_and_given_up_in_the_end(
    settings: Settings, publisher: Publisher, instance: dg.DagsterInstance
) -> None:
    recorded = list_recorded()["ecb"]
    feed = point_at(publisher, "ecb")
    # A download tries four times by itself.
    publisher.say(recorded.path, *[Answer(status=503)] * 4, recorded.answer())

    mended = _run(settings, feed, instance)
    assert mended.success and _count_retries(mended) == 1

    publisher.say(recorded.path, Answer(status=503))
    given_up = _run(settings, feed, instance)
    assert not given_up.success and _count_retries(given_up) == 2


def test_a_schedule_asks_for_the_days_that_are_revised_in_one_request(
    settings: Settings, publisher: Publisher, instance: dg.DagsterInstance
) -> None:
    publisher.think = Rankings()
    feed = point_at(publisher, "openrouter")
    repository = _find_jobs(settings, [feed])
    schedule = repository.get_schedule_def("poll_openrouter")
    at = datetime(2026, 8, 22, 5, 40, tzinfo=UTC)
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=at)

    (request,) = schedule.evaluate_tick(context).run_requests

    job = repository.get_job(schedule.job_name)
    assert job.execute_in_process(
        run_config=request.run_config, tags=request.tags, instance=instance
    ).success
    asked = [path.partition("?")[2] for path, _ in publisher.asked]
    assert asked == ["start_date=2026-08-07&end_date=2026-08-21"]
    kept = instance.get_materialized_partitions(name_poll(feed))
    assert kept == {day.isoformat() for day in _DAYS[-15:]}


def test_a_schedule_asks_for_every_company_that_is_known(
    settings: Settings, publisher: Publisher, tmp_path: Path
) -> None:
    repository = _find_jobs(settings, [point_at(publisher, "sec_facts")])
    schedule = repository.get_schedule_def("poll_sec_facts")
    at = datetime(2026, 11, 25, 3, 45, tzinfo=UTC)
    ciks = {"amd": "0000002488", "microsoft": "0000789019", "oracle": "0001341439"}

    # A schedule opens the instance anew, so it must be one on disk.
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
        assert "refresh first" in str(schedule.evaluate_tick(context).skip_message)
        keep_companies(instance, ciks)
        (request,) = schedule.evaluate_tick(context).run_requests
        repository.get_job(schedule.job_name).execute_in_process(
            tags=request.tags, instance=instance, raise_on_error=False
        )

    assert sorted(path for path, _ in publisher.asked) == [
        _FACTS.format(cik) for cik in sorted(ciks.values())
    ]


def test_every_feed_has_a_schedule_that_says_why_it_asks_nobody(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = open_world(tmp_path)
    feeds = find_feeds()
    repository = _find_jobs(settings, list(feeds.values()))
    at = datetime(2026, 11, 25, 6, tzinfo=UTC)

    told = {}
    for name, feed in feeds.items():
        schedule = repository.get_schedule_def(f"poll_{name}")
        assert schedule.cron_schedule == feed.schedule.cron
        assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
        told[name] = schedule.evaluate_tick(context).skip_message

    not_set = "not asked: GIGALEDGER_{} is not set"
    assert told == {
        "ecb": None,
        "epoch": None,
        "token_prices": None,
        "openrouter": not_set.format("OPENROUTER_KEY"),
        "sec_facts": not_set.format("CONTACT"),
        "sec_filings": not_set.format("CONTACT"),
    }


def test_a_changed_ledger_is_refreshed_once_when_it_stands_still(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = open_world(tmp_path)
    write_ledger(settings.ledger_dir, oracle=4.5)
    sensor = _find_jobs(settings, []).get_sensor_def("ledger_changed")
    cursor: str | None = None

    def look() -> int:
        nonlocal cursor
        found = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))
        cursor = found.cursor
        return len(found.run_requests or [])

    assert (sensor.job_name, look(), look()) == ("refresh", 0, 0)
    # Touched, as a checkout touches files, but not changed.
    for path in settings.ledger_dir.rglob("*.yml"):
        os.utime(path, (0, 0))
    assert [look(), look()] == [0, 0]
    write_ledger(settings.ledger_dir, oracle=4.5, amd=5)
    assert look() == 0
    write_ledger(settings.ledger_dir, oracle=4.5, amd=4)
    assert [look(), look(), look()] == [0, 1, 0]
    # Back to what it was is a change too.
    write_ledger(settings.ledger_dir, oracle=4.5, amd=5)
    assert [look(), look(), look()] == [0, 1, 0]


def test_a_feed_that_fell_silent_fails_the_run_that_looks(
    settings: Settings, publisher: Publisher, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    recorded = list_recorded()["ecb"]
    rows = read_rows("ecb/samples/ecb-eurofxref-2023-01_2026-10.csv")
    publisher.say(recorded.path, recorded.answer(rows))
    feed = point_at(publisher, "ecb")
    store = Store(settings.snapshots_dir)
    assert find_answer(settings, feed) is None
    assert _run(settings, feed, instance).success
    # What no refresh has judged yet is taken as good.
    answered = find_answer(settings, feed)
    assert answered

    with duckdb.connect() as connection:
        create_tables(connection, [feed])
        load_feed(connection, feed, store, tmp_path / "work")
        publisher.say(recorded.path, recorded.answer(rows[:40], days_old=1))
        assert _run(settings, feed, instance).success
        create_tables(connection, [feed])
        assert load_feed(connection, feed, store, tmp_path / "work").problems
    # A refused answer is none.
    assert find_answer(settings, feed) == answered

    def look(feed: Feed) -> dict[str, bool]:
        job = _find_jobs(settings, [feed]).get_job("freshness")
        outcome = job.execute_in_process(instance=instance, raise_on_error=False)
        assert not outcome.success
        found = outcome.get_asset_check_evaluations()
        return {item.asset_key.to_user_string(): item.passed for item in found}

    # There is no release, whatever the feed says.
    assert look(feed) == {"feeds/ecb": True, "release": False}
    assert look(dataclasses.replace(feed, stale_after_days=0)) == {
        "feeds/ecb": False,
        "release": False,
    }

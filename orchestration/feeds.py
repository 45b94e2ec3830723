"""Polls and loads the feeds as plain functions of the settings; `make poll` and the assets call them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.audit.results import insert_rows
from orchestration.hashes import hash_file
from orchestration.lock import LockedError, hold_lock
from orchestration.settings import (
    CONTACT,
    FEEDS,
    OPENROUTER_KEY,
    Settings,
    SettingsError,
    read_settings,
)
from orchestration.steps import INPUT_TABLE, open_work
from sources.feeds.feed import Ask, Feed, find_feeds
from sources.feeds.http import Downloader
from sources.feeds.load import FeedReport, create_tables, fail_feed, load_feed
from sources.feeds.poll import Problem, poll_feed
from sources.feeds.snapshots import Store

# The setting that gives what a feed needs, for the message when it is not set.
_SETTINGS = {"contact": CONTACT, "openrouter_key": OPENROUTER_KEY}


def load_feeds(
    settings: Settings,
    feeds: Iterable[Feed] | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> list[FeedReport]:
    """Fill the raw tables of the feeds in the work database; poll first when the settings say so.

    A feed that fails, whatever the reason, is told of and leaves the others alone.
    """
    begun = _now()
    chosen = list(find_feeds().values() if feeds is None else feeds)
    store = Store(settings.snapshots_dir)
    reports = []
    with open_work(settings) as connection:
        create_tables(connection, chosen)
        ciks = _list_ciks(connection)
        for feed in chosen:
            if progress and settings.is_live:
                progress(f"ask {feed.name}")
            today = settings.latest_day
            ask = Ask(today, today - timedelta(days=feed.reload_days), today, ciks=ciks)
            hindered = poll(settings, feed, store, ask) if settings.is_live else []
            problems = [problem.message for problem in hindered]
            reports.append(_load(connection, feed, store, settings, begun, problems))
        _add_inputs(connection, chosen)
    return reports


def poll(settings: Settings, feed: Feed, store: Store, ask: Ask) -> list[Problem]:
    """Ask a feed's publisher and keep what comes; return what hindered it."""
    if missing := list_missing(settings, feed):
        return [Problem(f"not asked: {', '.join(missing)} is not set")]
    secrets = {name: value for name in feed.needs if (value := _read_need(settings, name))}
    contact = f" ({settings.contact})" if settings.contact else ""
    fetch = Downloader(feed.hosts, feed.limits, f"Gigaledger{contact}")
    try:
        return poll_feed(feed, store, fetch, ask, secrets, _now)
    except (OSError, ValueError) as error:
        return [Problem(f"the poll broke off: {error}")]


def list_missing(settings: Settings, feed: Feed) -> list[str]:
    """Return the settings that a feed needs and that are not set."""
    return [_SETTINGS[name] for name in feed.needs if not _read_need(settings, name)]


def _read_need(settings: Settings, name: str) -> str | None:
    return {"contact": settings.contact, "openrouter_key": settings.openrouter_key}[name]


def list_companies(settings: Settings) -> dict[str, str]:
    """Return the SEC key of each company of the work database that has one."""
    with open_work(settings) as connection:
        rows = connection.execute(
            "select org_id, cik from raw_ledger.organization where cik is not null order by org_id"
        ).fetchall()
    return dict(rows)


def _load(
    connection: DuckDBPyConnection,
    feed: Feed,
    store: Store,
    settings: Settings,
    begun: datetime,
    problems: Sequence[str],
) -> FeedReport:
    connection.execute("begin")
    try:
        report = load_feed(
            connection,
            feed,
            store,
            settings.work_dir / "feeds",
            live_since=begun,
            problems=problems,
        )
    except (duckdb.Error, OSError, ValueError, KeyError) as error:
        connection.execute("rollback")
        connection.execute("begin")
        report = fail_feed(connection, feed, f"it cannot be loaded: {error}", problems)
    connection.execute("commit")
    return report


def _list_ciks(connection: DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "select distinct cik from raw_ledger.organization where cik is not null order by cik"
    ).fetchall()
    return [row[0] for row in rows]


def _add_inputs(connection: DuckDBPyConnection, feeds: Sequence[Feed]) -> None:
    """Add the snapshots and lists that were read to the inputs that the release names."""
    rows = connection.execute(
        "select distinct feed, snapshot_id, byte_count from raw_feeds.snapshot order by all"
    ).fetchall()
    inputs: list[tuple[str, int, str]] = [
        (f"snapshots/{feed}/{sha256}", size, sha256) for feed, sha256, size in rows
    ]
    for feed in feeds:
        for curated in feed.curated.values():
            path: Path = feed.folder / curated.file
            inputs.append((f"{feed.name}/{curated.file}", path.stat().st_size, hash_file(path)))
    insert_rows(connection, INPUT_TABLE, inputs)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Poll the feeds that are named; 0 when nothing hindered it, 1 when something did."""
    parser = argparse.ArgumentParser(
        prog="poll",
        description="Ask the feeds' publishers for what is new and keep what comes; the next"
        f" refresh uses it. {FEEDS} need not be set.",
    )
    known = find_feeds()
    parser.add_argument(
        "feeds", nargs="*", metavar="FEED", help=f"of {', '.join(known)}; default all"
    )
    parser.add_argument("--first", type=date.fromisoformat, help="first day, YYYY-MM-DD")
    parser.add_argument("--last", type=date.fromisoformat, help="last day; default today")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.feeds) - set(known))
    if unknown:
        parser.error(f"there is no feed {', '.join(unknown)}; there are {', '.join(known)}")
    try:
        settings = read_settings()
        with hold_lock(settings.warehouse_dir, "make poll"):
            return _poll_all(settings, [known[name] for name in options.feeds or known], options)
    except (SettingsError, LockedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _poll_all(settings: Settings, feeds: Iterable[Feed], options: argparse.Namespace) -> int:
    store = Store(settings.snapshots_dir)
    hindered = 0
    ciks: list[str] = []
    if settings.work_database.exists():
        with open_work(settings) as connection:
            ciks = _list_ciks(connection)
    for feed in feeds:
        last = options.last or settings.latest_day
        first = options.first or last - timedelta(days=feed.reload_days)
        # Days that are filled in are asked for one by one, so that each can be asked for again.
        ask = Ask(settings.latest_day, first, last, by_day=options.first is not None, ciks=ciks)
        problems = poll(settings, feed, store, ask)
        print(f"{feed.name}: {len(store.list(feed.name)):,} snapshots kept")
        for problem in problems:
            print(f"  {problem.message}")
        hindered += bool(problems)
    return 1 if hindered else 0


if __name__ == "__main__":
    sys.exit(main())

"""Finds the feeds by convention and reads what each `source.yml` says."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from sources.feeds.forms import Form, Table
from sources.feeds.http import Limits

SOURCES_DIR = Path(__file__).resolve().parents[1]


class FeedError(Exception):
    """A feed is not described as it must be; the message says what to do."""


@dataclass(frozen=True)
class Ask:
    """What a poll wants."""

    today: date
    first: date
    """The first day that is wanted, of feeds that have days."""
    last: date
    """The last one."""
    by_day: bool = False
    """Whether each day is asked for by itself, as when the past is filled in."""
    ciks: Sequence[str] = ()
    """SEC keys of the ledger's companies, ten digits each."""

    def days(self) -> Iterable[date]:
        """Yield every day that is wanted."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)


@dataclass(frozen=True)
class Request:
    """One address to fetch."""

    form: str | None
    """How its records stand in the reply; None for a page that only leads to others."""
    address: str
    partition: str = ""
    """Which part of the feed; where it has days or companies, it begins with that day or SEC key."""
    never_changes: bool = False
    """Whether one that was good is never fetched again."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Curated:
    """A list that people keep by hand beside a feed."""

    file: str
    columns: Mapping[str, str]


class PartitionedBy(StrEnum):
    """What a part of a feed is that can be asked for by itself."""

    DAY = "day"
    COMPANY = "company"


@dataclass(frozen=True)
class Schedule:
    """When a feed is asked, by the clock of its publisher."""

    cron: str
    timezone: str


@dataclass(frozen=True)
class Feed:
    """A feed, as its folder describes it."""

    name: str
    title: str
    licence: str
    attribution: str
    cadence: str
    schedule: Schedule
    stale_after_days: int
    """After so many days without an answer something is wrong."""
    address: str
    hosts: frozenset[str]
    limits: Limits
    needs: tuple[str, ...]
    """Settings without which it is not polled: contact, or the name of a key."""
    reload_days: int
    """How many days before today are asked for again, because they are revised."""
    partitioned_by: PartitionedBy | None
    first_day: date | None
    """The first day of one that is partitioned by day."""
    folder: Path
    forms: Mapping[str, Form]
    requests: Callable[[Feed, Ask, Mapping[str, str]], Iterable[Request]]
    """What to ask for, given the settings that it needs."""
    follow: Callable[[Feed, Request, str], Iterable[Request]]
    """What a reply leads to."""
    curated: Mapping[str, Curated]

    @property
    def schema(self) -> str:
        """The schema of its raw tables."""
        return f"raw_{self.name}"

    @property
    def tables(self) -> list[Table]:
        """Its raw tables, in the order of its forms."""
        return list({form.table.name: form.table for form in self.forms.values()}.values())


def find_feeds(sources_dir: Path = SOURCES_DIR) -> dict[str, Feed]:
    """Return every feed by its name: each folder whose `source.yml` lists hosts.

    Raises:
        FeedError: when one is not described as it must be.
    """
    feeds = {}
    for path in sorted(sources_dir.glob("*/source.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "hosts" in content:
            feeds[path.parent.name] = _read_feed(path, content)
    return feeds


def _read_feed(path: Path, content: Mapping[str, Any]) -> Feed:
    name = path.parent.name
    partitions = content.get("partitions", {})
    try:
        module = importlib.import_module(f"sources.{name}.feed")
        feed = Feed(
            name=name,
            title=content["title"],
            licence=content["licence"],
            attribution=content["attribution"],
            cadence=content["cadence"],
            schedule=Schedule(**content["schedule"]),
            stale_after_days=content["stale_after_days"],
            address=content["address"],
            hosts=frozenset(content["hosts"]),
            limits=Limits(**content["limits"]),
            needs=tuple(content.get("needs", ())),
            reload_days=content.get("reload_days", 0),
            partitioned_by=PartitionedBy(partitions["by"]) if partitions else None,
            first_day=partitions.get("first"),
            folder=path.parent,
            forms={form.name: form for form in module.FORMS},
            requests=module.requests,
            follow=getattr(module, "follow", _lead_nowhere),
            curated=getattr(module, "CURATED", {}),
        )
    except (KeyError, TypeError, ValueError, ImportError, AttributeError) as error:
        raise FeedError(f"{path}: {type(error).__name__}: {error}; see docs/feeds.md") from error
    declared, there = set(content["tables"]), {table.name for table in feed.tables}
    if declared != there | set(feed.curated):
        odd = ", ".join(sorted(declared ^ (there | set(feed.curated))))
        raise FeedError(f"{path}: tables and the feed's module differ in {odd}")
    return feed


def _lead_nowhere(feed: Feed, request: Request, body: str) -> Iterable[Request]:
    return ()

"""Asks a feed's publisher for what is new and keeps what comes; judging it is left to the load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sources.feeds.feed import Ask, Feed, Request
from sources.feeds.http import DownloadError, Fetch, Reply
from sources.feeds.snapshots import Snapshot, Store


@dataclass(frozen=True)
class Problem:
    """What hindered a poll."""

    message: str
    partition: str = ""
    """That of the request that was hindered; empty when it is none or all of them."""
    is_passing: bool = False
    """Whether asking again later may mend it."""


def poll_feed(
    feed: Feed,
    store: Store,
    fetch: Fetch,
    ask: Ask,
    secrets: Mapping[str, str],
    now: Callable[[], datetime],
) -> list[Problem]:
    """Fetch everything that a feed is asked for; return what hindered it.

    One part that cannot be fetched does not keep the others from being fetched.

    Args:
        feed: the feed.
        store: keeps what comes.
        fetch: reaches the feed's hosts.
        ask: what is wanted.
        secrets: the settings that the feed needs, by their name in `needs`.
        now: the UTC time, without a zone.
    """
    problems = []
    waiting = list(feed.requests(feed, ask, secrets))
    # Only of a good one is it asked whether it has changed: a bad one must come anew.
    good = store.find_good(feed.name)
    snapshots = store.list(feed.name)
    kept = {(item.form, item.partition, item.sha256): item for item in snapshots}
    by_receipt = sorted(snapshots, key=lambda item: item.seen_at)
    last = {(item.form, item.partition): item.sha256 for item in by_receipt}
    while waiting:
        request = waiting.pop(0)
        part = (request.form or "", request.partition)
        known = kept.get((*part, good.get(part, "")))
        if known is not None and request.never_changes:
            continue
        if known is not None and known.address != request.address:
            known = None
        try:
            reply = fetch(request.address, {**request.headers, **_ask_whether_changed(known)})
        except DownloadError as error:
            problems.append(Problem(str(error), request.partition, error.is_passing))
            continue
        if reply.status == 304:
            if known is not None:
                store.confirm(known, now())
            continue
        if request.form is not None:
            snapshot = _keep(feed, store, request, reply, now())
            if (*part, snapshot.sha256) in kept and last[part] != snapshot.sha256:
                told = f"{_name(request)}: it sends an older copy again"
                problems.append(Problem(told, request.partition))
        try:
            waiting += feed.follow(feed, request, reply.body.decode(errors="replace"))
        except (KeyError, TypeError, ValueError) as error:
            told = f"{_name(request)}: it leads nowhere, its form is new: {error}"
            problems.append(Problem(told, request.partition))
    return problems


def _keep(feed: Feed, store: Store, request: Request, reply: Reply, at: datetime) -> Snapshot:
    return store.keep(
        reply,
        feed=feed.name,
        form=request.form or "",
        partition=request.partition,
        fetched_at=at,
        licence=feed.licence,
        attribution=feed.attribution,
    )


def _name(request: Request) -> str:
    """Return the address for a message, without its query."""
    return request.address.split("?")[0]


def _ask_whether_changed(known: Snapshot | None) -> dict[str, str]:
    if known is None:
        return {}
    asked = {
        "If-None-Match": known.headers.get("etag"),
        "If-Modified-Since": known.headers.get("last-modified"),
    }
    return {name: value for name, value in asked.items() if value}

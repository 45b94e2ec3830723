"""How long ago each feed answered with something good, and how old the release is, as checks."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from orchestration import feeds
from orchestration.assets.polls import name_poll
from orchestration.releases.catalog import find_current, read_manifest
from orchestration.settings import Settings
from sources.feeds.feed import Feed
from sources.feeds.snapshots import Store

CHECK_NAME = JOB = "freshness"
_RELEASE = dg.AssetKey("release")
# A day is missed before anybody is called.
_MOST_DAYS_OF_RELEASE = 2


def make_freshness(settings: Settings, known: Sequence[Feed]) -> dg.AssetChecksDefinition:
    """Return the checks, in one step."""
    limits = {_RELEASE: _MOST_DAYS_OF_RELEASE}
    limits |= {name_poll(feed): feed.stale_after_days for feed in known}
    specs = [
        dg.AssetCheckSpec(
            CHECK_NAME,
            asset=key,
            description=f"Not older than {days} days.",
        )
        for key, days in limits.items()
    ]

    # A job has the name of the checks, and a step may not share it.
    @dg.multi_asset_check(name="look_how_old", specs=specs, can_subset=True)
    def freshness(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        now = datetime.now(UTC).replace(tzinfo=None)
        stale = []
        for key in sorted(context.selected_asset_check_keys):
            feed = next((feed for feed in known if name_poll(feed) == key.asset_key), None)
            at = find_release(settings) if feed is None else find_answer(settings, feed)
            missing = feeds.list_missing(settings, feed) if feed else []
            result = _judge(key.asset_key, at, now, limits[key.asset_key], missing)
            yield result
            if not result.passed:
                stale.append(f"{key.asset_key.to_user_string()}: {result.description}")
        # Asked for by itself it fails, so that it is told of; beside a poll it only shows.
        if stale and context.run.job_name == JOB:
            raise dg.Failure("\n".join(stale), allow_retries=False)

    return freshness


def find_answer(settings: Settings, feed: Feed) -> datetime | None:
    """Return when a feed last sent or confirmed what was found good; of several files the oldest.

    What came since a refresh last judged it counts as good.
    """
    store = Store(settings.snapshots_dir)
    good, judged_at = store.find_good(feed.name), store.find_judged_at(feed.name)
    seen: dict[str, datetime] = {}
    for item in store.list(feed.name):
        is_good = good.get((item.form, item.partition)) == item.sha256
        if is_good or judged_at is None or item.seen_at > judged_at:
            seen[item.form] = max(seen.get(item.form, item.seen_at), item.seen_at)
    return min(seen.values(), default=None)


def find_release(settings: Settings) -> datetime | None:
    """Return when the release that readers have was published."""
    current = find_current(settings.warehouse_dir)
    if current is None:
        return None
    manifest = read_manifest(settings.warehouse_dir / "releases" / current)
    return datetime.fromisoformat(manifest["published_at"]).astimezone(UTC).replace(tzinfo=None)


def _judge(
    key: dg.AssetKey, at: datetime | None, now: datetime, most_days: int, missing: Sequence[str]
) -> dg.AssetCheckResult:
    age = None if at is None else (now - at).total_seconds() / 86_400
    if missing:
        told = f"not asked for: {', '.join(missing)} is not set"
    else:
        told = "there is none" if age is None else f"{age:.1f} days old, at most {most_days}"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK_NAME,
        passed=bool(missing) or (age is not None and age <= most_days),
        description=told,
        metadata={"from": f"{at:%Y-%m-%d %H:%M} UTC" if at else None},
    )

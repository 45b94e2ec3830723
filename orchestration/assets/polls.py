"""Asking each feed's publisher as an asset, by day or by company where the feed has such parts.

What comes is kept and not judged: a refresh loads it. A poll holds no lock, for a refresh reads only
what was kept whole; one poll of a feed runs at a time, so that the publisher's pace is kept.
"""

import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn

import dagster as dg

from orchestration import feeds
from orchestration.assets import FEEDS_TEAM
from orchestration.settings import Settings
from sources.feeds.feed import Ask, Feed, PartitionedBy
from sources.feeds.poll import Problem
from sources.feeds.snapshots import Store

# The number of partitions a run is not yet settled in Dagster; nobody at a terminal need know.
warnings.filterwarnings("ignore", ".*`backfill_policy`", dg.BetaWarning)

GROUP = "feeds"
COMPANIES = dg.DynamicPartitionsDefinition(name="companies")

# Beyond what a download waits by itself: 1, 3 and 7 minutes, for a publisher that is down for long.
RETRIES = dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL)
_MOST_PARTS_A_RUN = 100


class PollConfig(dg.Config):
    """How a poll asks."""

    by_day: bool = True
    """Ask for each day by itself; otherwise for all days of the run in one request."""


def name_poll(feed: Feed) -> dg.AssetKey:
    """Return the key of the asset that asks a feed's publisher."""
    return dg.AssetKey([GROUP, feed.name])


def make_poll(settings: Settings, feed: Feed) -> dg.AssetsDefinition:
    """Return the asset that asks a feed's publisher and keeps what comes."""
    partitions = _define_partitions(feed)

    @dg.asset(
        key=name_poll(feed),
        group_name=GROUP,
        kinds={"python"},
        owners=[FEEDS_TEAM],
        description=f"{feed.title}: what the publisher sends, kept byte for byte. Cadence:"
        f" {feed.cadence}. {feed.attribution} ({feed.licence}).",
        partitions_def=partitions,
        backfill_policy=partitions and dg.BackfillPolicy.multi_run(_MOST_PARTS_A_RUN),
        pool=f"feed_{feed.name}",
    )
    def poll(context: dg.AssetExecutionContext, config: PollConfig) -> None:
        store = Store(settings.snapshots_dir)
        begun = datetime.now(UTC).replace(tzinfo=None)
        parts = _list_parts(context, feed)
        problems = feeds.poll(settings, feed, store, _ask(settings, feed, parts, config.by_day))
        metadata = {
            "new snapshots": sum(item.fetched_at >= begun for item in store.list(feed.name)),
            "kept in": dg.MetadataValue.path(store.folder / feed.name),
        }
        if problems:
            _keep_good_parts(context, parts, problems, metadata)
            _fail(context, problems)
        context.add_asset_metadata(metadata)

    return poll


def keep_companies(instance: dg.DagsterInstance, ciks: Mapping[str, str]) -> None:
    """Make the companies that have an SEC key, by their id, the partitions to ask for."""
    name = str(COMPANIES.name)
    known = set(instance.get_dynamic_partitions(name))
    wanted = {f"{org_id}:{cik}" for org_id, cik in ciks.items()}
    if new := sorted(wanted - known):
        instance.add_dynamic_partitions(name, new)
    for gone in sorted(known - wanted):
        instance.delete_dynamic_partition(name, gone)


def _define_partitions(feed: Feed) -> dg.PartitionsDefinition[Any] | None:
    match feed.partitioned_by:
        case PartitionedBy.DAY:
            assert feed.first_day is not None
            return dg.DailyPartitionsDefinition(feed.first_day.isoformat(), timezone="UTC")
        case PartitionedBy.COMPANY:
            return COMPANIES
        case None:
            return None


def _list_parts(context: dg.AssetExecutionContext, feed: Feed) -> dict[str, str]:
    """Return the run's partitions, each with the word that its requests' partitions begin with."""
    if feed.partitioned_by is None:
        return {}
    # A day is itself, a company its SEC key.
    return {key: key.rpartition(":")[2] for key in context.partition_keys}


def _ask(settings: Settings, feed: Feed, parts: Mapping[str, str], by_day: bool) -> Ask:
    today = settings.latest_day
    if feed.partitioned_by is PartitionedBy.DAY:
        days = [date.fromisoformat(key) for key in parts]
        return Ask(today, min(days), max(days), by_day=by_day)
    first = today - timedelta(days=feed.reload_days)
    return Ask(today, first, today, ciks=sorted(set(parts.values())))


def _keep_good_parts(
    context: dg.AssetExecutionContext,
    parts: Mapping[str, str],
    problems: Sequence[Problem],
    metadata: Mapping[str, Any],
) -> None:
    """Tell Dagster of the partitions that came, though the run fails for the sake of others."""
    hindered = {problem.partition.partition(" ")[0] for problem in problems}
    for key, word in parts.items():
        if not hindered & {word, ""}:
            context.log_event(
                dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata)
            )


def _fail(context: dg.AssetExecutionContext, problems: Sequence[Problem]) -> NoReturn:
    """Fail, with a retry only where asking again may mend it."""
    failure = dg.Failure("\n".join(item.message for item in problems), allow_retries=False)
    if not any(problem.is_passing for problem in problems):
        raise failure
    wait = RETRIES.calculate_delay(context.retry_number + 1)
    raise dg.RetryRequested(RETRIES.max_retries, seconds_to_wait=wait) from failure

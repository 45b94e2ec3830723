"""When things run by themselves; whoever operates the warehouse turns each of them on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition as AssetJob,
)
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from orchestration import feeds
from orchestration.assets.polls import COMPANIES, PollConfig, name_poll
from orchestration.hashes import combine_hashes, hash_inputs
from orchestration.settings import Settings
from orchestration.steps import list_inputs
from sources.feeds.feed import Feed, PartitionedBy

# What takes longer hangs. A first poll of all companies is gigabytes.
MOST_SECONDS = {"refresh": 60 * 60, "poll": 2 * 60 * 60, "freshness": 10 * 60}


def limit_runtime(kind: str) -> dict[str, str]:
    """Return the tags of a job that ends its runs when they take too long."""
    return {"dagster/max_runtime": str(MOST_SECONDS[kind])}


def make_schedules(refresh: AssetJob, freshness: AssetJob) -> list[dg.ScheduleDefinition]:
    """Return the daily refresh, and the look at how old everything is."""
    return [
        dg.ScheduleDefinition(
            name="daily_refresh",
            job=refresh,
            cron_schedule="15 6 * * *",
            execution_timezone="UTC",
            description="Every morning, before European desks open.",
        ),
        dg.ScheduleDefinition(
            name="freshness",
            job=freshness,
            cron_schedule="0 7 * * *",
            execution_timezone="UTC",
            description="Every morning after the refresh.",
        ),
    ]


def make_poll_schedule(settings: Settings, feed: Feed, job: AssetJob) -> dg.ScheduleDefinition:
    """Return the schedule that asks a feed's publisher as its `source.yml` says."""

    @dg.schedule(
        name=f"poll_{feed.name}",
        job=job,
        cron_schedule=feed.schedule.cron,
        execution_timezone=feed.schedule.timezone,
        description=f"{feed.title}; the publisher's cadence: {feed.cadence}.",
    )
    def poll(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if missing := feeds.list_missing(settings, feed):
            return dg.SkipReason(f"not asked: {', '.join(missing)} is not set")
        match feed.partitioned_by:
            case PartitionedBy.DAY:
                last = context.scheduled_execution_time.date() - timedelta(days=1)
                first = last - timedelta(days=feed.reload_days)
                window = PollConfig(by_day=False).model_dump()
                return dg.RunRequest(
                    tags=_tag_range(first.isoformat(), last.isoformat()),
                    run_config={
                        "ops": {name_poll(feed).to_python_identifier(): {"config": window}}
                    },
                )
            case PartitionedBy.COMPANY:
                keys = context.instance.get_dynamic_partitions(str(COMPANIES.name))
                if not keys:
                    return dg.SkipReason("no company with an SEC key is known; refresh first")
                return dg.RunRequest(tags=_tag_range(keys[0], keys[-1]))
            case None:
                return dg.RunRequest()

    return poll


def _tag_range(first: str, last: str) -> dict[str, str]:
    """Return the tags of one run of all partitions from the first to the last."""
    return {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}


def make_ledger_sensor(settings: Settings, refresh: AssetJob) -> dg.SensorDefinition:
    """Return the sensor that refreshes when the ledger changed."""

    @dg.sensor(name="ledger_changed", job=refresh, minimum_interval_seconds=30)
    def ledger_changed(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Refresh once the ledger differs and has stood still from one look to the next.

        The cursor holds the hash of the folder that was refreshed last, of the one last seen, and
        what its files looked like from outside, so that large ones are read only after a change.
        The first look only takes them, for the daily refresh may have read this ledger already.
        """
        paths = list_inputs(settings.ledger_dir)
        outside = combine_hashes(_look_at(path) for path in sorted(paths))
        refreshed, seen, was_outside = json.loads(context.cursor or "[null, null, null]")
        now = seen if outside == was_outside else _hash_ledger(settings.ledger_dir, paths)
        is_still, is_first = now == seen, refreshed is None
        is_due = is_still and not is_first and now != refreshed
        if is_due or is_first:
            refreshed = now
        context.update_cursor(json.dumps([refreshed, now, outside]))
        if is_due:
            return dg.RunRequest()
        if now == refreshed:
            return dg.SkipReason("the ledger is as it was at the last refresh")
        return dg.SkipReason("the ledger is being changed; it must stand still for one look")

    return ledger_changed


def _look_at(path: Path) -> str:
    found = path.stat()
    return f"{path} {found.st_size} {found.st_mtime_ns}"


def _hash_ledger(ledger_dir: Path, paths: Iterable[Path]) -> str:
    return combine_hashes(f"{item.path} {item.sha256}" for item in hash_inputs(ledger_dir, paths))

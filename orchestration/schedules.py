"""When things run by themselves; whoever operates the warehouse turns each of them on."""

from __future__ import annotations

import json
from datetime import timedelta

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

        The cursor holds the hash of the folder that was refreshed last and of the one last seen;
        the first look only takes them, for the daily refresh may have read this ledger already.
        """
        found = hash_inputs(settings.ledger_dir, list_inputs(settings.ledger_dir))
        now = combine_hashes(part for item in found for part in (item.path, item.sha256))
        refreshed, seen = json.loads(context.cursor) if context.cursor else (now, now)
        is_due = now == seen != refreshed
        context.update_cursor(json.dumps([now if is_due else refreshed, now]))
        if is_due:
            return dg.RunRequest()
        if now == refreshed:
            return dg.SkipReason("the ledger is as it was at the last refresh")
        return dg.SkipReason("the ledger is being changed; it must stand still for one look")

    return ledger_changed

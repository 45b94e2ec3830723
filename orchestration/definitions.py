"""The one place that assembles Dagster's definitions; `workspace.yaml` names this module."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from orchestration.alerts import make_alert_sensor
from orchestration.assets.feeds import make_raw_feeds
from orchestration.assets.polls import GROUP, make_poll, name_poll
from orchestration.assets.raw import make_raw_ledger
from orchestration.assets.release import make_release
from orchestration.assets.warehouse import list_macros, list_published, make_models
from orchestration.checks import list_gate, make_checks
from orchestration.dbt_process import read_manifest
from orchestration.freshness import JOB, make_freshness
from orchestration.resources import make_workshop
from orchestration.schedules import (
    limit_runtime,
    make_ledger_sensor,
    make_poll_schedule,
    make_schedules,
)
from orchestration.settings import Settings, read_settings
from sources.feeds.feed import Feed, find_feeds

REFRESH = "refresh"
BUILD = "build"


def build_definitions(
    settings: Settings,
    manifest: Mapping[str, Any],
    workshop: dg.ResourceDefinition | None = None,
    feeds: Sequence[Feed] | None = None,
) -> dg.Definitions:
    """Assemble what Dagster sees of the warehouse; without `feeds` those of the project."""
    known = list(find_feeds().values() if feeds is None else feeds)
    published = list_published(manifest)
    audit = make_checks(settings, published)
    freshness = make_freshness(settings, known)
    polls = [make_poll(settings, feed) for feed in known]
    everything = (
        dg.AssetSelection.all()
        - dg.AssetSelection.groups(GROUP)
        - dg.AssetSelection.checks(*freshness.check_keys)
    )
    refresh = dg.define_asset_job(
        REFRESH,
        selection=everything,
        description="From the ledger to a release: load, build, check, publish.",
        tags=limit_runtime("refresh"),
    )
    build = dg.define_asset_job(
        BUILD,
        selection=everything
        - dg.AssetSelection.assets("release")
        - dg.AssetSelection.checks(*audit.check_keys),
        description="Load and build in the work database; publish nothing.",
        tags=limit_runtime("refresh"),
    )
    look = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.checks(*freshness.check_keys),
        description="Look how old the release is, and what each feed last sent.",
        tags=limit_runtime("freshness"),
    )
    ask = {
        feed.name: dg.define_asset_job(
            f"poll_{feed.name}",
            selection=dg.AssetSelection.assets(name_poll(feed)).without_checks(),
            description=f"Ask for what is new: {feed.title}.",
            tags=limit_runtime("poll"),
        )
        for feed in known
    }
    return dg.Definitions(
        assets=[
            *polls,
            *list_gate(),
            make_raw_ledger(),
            make_raw_feeds(),
            make_models(settings, manifest),
            make_release([*published, *list_macros(manifest)]),
        ],
        asset_checks=[audit, freshness],
        jobs=[refresh, build, look, *ask.values()],
        schedules=[
            *make_schedules(refresh, look),
            *(make_poll_schedule(settings, feed, ask[feed.name]) for feed in known),
        ],
        sensors=[make_ledger_sensor(settings, refresh), make_alert_sensor(settings)],
        resources={"workshop": workshop or make_workshop(settings)},
        # The steps share one file and one lock: they run in order in the process of the run.
        executor=dg.in_process_executor,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the definitions of the warehouse that the environment points at."""
    settings = read_settings()
    return build_definitions(settings, read_manifest(settings))

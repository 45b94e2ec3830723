"""The one place that assembles Dagster's definitions; `workspace.yaml` names this module."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.assets.feeds import make_raw_feeds
from orchestration.assets.raw import make_raw_ledger
from orchestration.assets.release import make_release
from orchestration.assets.warehouse import list_macros, list_published, make_models
from orchestration.checks import make_checks
from orchestration.dbt_process import read_manifest
from orchestration.resources import make_workshop
from orchestration.schedules import make_schedules
from orchestration.settings import Settings, read_settings

REFRESH = "refresh"
BUILD = "build"


def build_definitions(
    settings: Settings,
    manifest: Mapping[str, Any],
    workshop: dg.ResourceDefinition | None = None,
) -> dg.Definitions:
    """Assemble the assets, checks, job and schedule of the warehouse."""
    published = list_published(manifest)
    audit = make_checks(settings, published)
    everything = dg.AssetSelection.all()
    refresh = dg.define_asset_job(
        REFRESH,
        selection=everything,
        description="From the ledger to a release: load, build, check, publish.",
    )
    build = dg.define_asset_job(
        BUILD,
        selection=everything
        - dg.AssetSelection.assets("release")
        - dg.AssetSelection.checks(*audit.check_keys),
        description="Load and build in the work database; publish nothing.",
    )
    return dg.Definitions(
        assets=[
            make_raw_ledger(),
            make_raw_feeds(),
            make_models(settings, manifest),
            make_release([*published, *list_macros(manifest)]),
        ],
        asset_checks=[audit],
        jobs=[refresh, build],
        schedules=make_schedules(refresh),
        resources={"workshop": workshop or make_workshop(settings)},
        # The steps share one file and one lock: they run in order in the process of the run.
        executor=dg.in_process_executor,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the definitions of the warehouse that the environment points at."""
    settings = read_settings()
    return build_definitions(settings, read_manifest(settings))

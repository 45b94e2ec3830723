"""Runs the refresh job in this process, for whoever waits at a terminal."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from orchestration.audit.results import AuditError, require_passed
from orchestration.definitions import BUILD, REFRESH, build_definitions
from orchestration.resources import Workshop
from orchestration.settings import Settings


def run(
    settings: Settings, manifest: Mapping[str, Any], workshop: Workshop, *, build_only: bool
) -> BaseException | None:
    """Run the job in the instance that the UI shows; return why it failed, None when it did not."""
    shared = dg.ResourceDefinition.hardcoded_resource(workshop)
    definitions = build_definitions(settings, manifest, shared)
    with _open_instance(settings) as instance:
        job = definitions.resolve_job_def(BUILD if build_only else REFRESH)
        outcome = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if outcome.success:
        return None
    if isinstance(workshop.failure, dg.DagsterExecutionInterruptedError):
        return KeyboardInterrupt()
    if workshop.failure is not None:
        return workshop.failure
    try:
        require_passed(workshop.results)
    except AuditError as error:
        return error
    failures = [event for event in outcome.all_events if event.is_failure]
    return RuntimeError("; ".join(str(event.message) for event in failures) or "the run failed")


def _open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open the instance that the UI shows, with what can be replaced for speed."""
    # What the steps print is read in the terminal; a copy costs a process for each step.
    overrides: dict[str, Any] = {
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        }
    }
    if settings.postgres is None:
        overrides["event_log_storage"] = {
            "module": "orchestration.event_log",
            "class": "KeptConnectionEventLog",
            "config": {"base_dir": str(settings.dagster_home / "history" / "runs")},
        }
    reference = InstanceRef.from_dir(str(settings.dagster_home), overrides=overrides)
    return dg.DagsterInstance.from_ref(reference)

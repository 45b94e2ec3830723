"""When a refresh runs by itself."""

from __future__ import annotations

import dagster as dg


def make_schedules(job: dg.UnresolvedAssetJobDefinition) -> list[dg.ScheduleDefinition]:
    """Return the daily refresh; whoever operates the warehouse turns it on."""
    return [
        dg.ScheduleDefinition(
            name="daily_refresh",
            job=job,
            cron_schedule="15 6 * * *",
            execution_timezone="UTC",
            description="Every morning, before European desks open.",
        )
    ]

"""The release as an asset: it follows every published table and every blocking check."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from orchestration import steps
from orchestration.assets import WAREHOUSE_TEAM
from orchestration.checks import show_failed_rows
from orchestration.plots import draw_plots
from orchestration.releases.tell import tell_diff
from orchestration.resources import WAREHOUSE_POOL, Workshop


def make_release(upstream: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Return the asset that publishes the checked build."""

    @dg.asset(
        name="release",
        deps=list(upstream),
        group_name="release",
        kinds={"duckdb", "parquet"},
        owners=[WAREHOUSE_TEAM],
        required_resource_keys={"workshop"},
        pool=WAREHOUSE_POOL,
    )
    def release(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        """Put the audited tables into a new file and in place by one rename."""
        workshop: Workshop = context.resources.workshop
        with show_failed_rows(), workshop.step("publish the release"):
            published = workshop.release = steps.publish(workshop.settings, context.log.info)
        rows = [
            dg.TableRecord({"table": name, "rows": found.row_count, "hash": found.content_hash})
            for name, found in sorted(published.tables.items())
        ]
        for name, found in sorted(published.tables.items()):
            # Seen on the page of each table: what readers have of it.
            rows_published = {"dagster/row_count": found.row_count, "release": published.release_id}
            key = dg.AssetKey(name.split("."))
            context.log_event(dg.AssetObservation(key, metadata=rows_published))
        plots = draw_plots(published.file)
        return dg.MaterializeResult(
            metadata={
                "release_id": published.release_id,
                "what moved": published.changes["summary"],
                "changes": dg.MetadataValue.md(f"```\n{tell_diff(published.changes, most=5)}\n```"),
                **{title: dg.MetadataValue.md(text) for title, text in plots.items()},
                "file": dg.MetadataValue.path(published.file),
                "report": dg.MetadataValue.path(published.report),
                "data docs": dg.MetadataValue.path(published.data_docs),
                "records quarantined": published.quarantined,
                "checks": len(published.results),
                "tables": dg.MetadataValue.table(rows),
            }
        )

    return release

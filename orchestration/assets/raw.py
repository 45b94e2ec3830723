"""The raw tables of each source as assets, found by the `source.yml` of its folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from orchestration import steps
from orchestration.assets import LEDGER_TEAM
from orchestration.resources import WAREHOUSE_POOL, Workshop
from orchestration.settings import ROOT, Settings

SOURCES_DIR = ROOT / "sources"


def read_sources(sources_dir: Path = SOURCES_DIR) -> dict[str, dict[str, Any]]:
    """Return what each `source.yml` says, by the name of its source."""
    paths = sorted(sources_dir.glob("*/source.yml"))
    return {path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths}


def list_raw_tables(source: str) -> list[dg.AssetKey]:
    """Return the asset keys of a source's raw tables; dbt's sources have the same keys."""
    return [dg.AssetKey([f"raw_{source}", table]) for table in read_sources()[source]["tables"]]


def describe_tables(settings: Settings) -> dict[dg.AssetKey, dict[str, Any]]:
    """Return the columns and the number of rows of each raw table, as Dagster shows them."""
    with steps.open_work(settings) as connection:
        columns = connection.execute(
            """
            select schema_name, table_name, list((column_name, data_type) order by column_index)
            from duckdb_columns() where schema_name like 'raw\\_%' escape '\\' group by all
            """
        ).fetchall()
        counts = connection.execute(
            " union all ".join(
                f"select '{schema}', '{table}', count(*) from {schema}.{table}"
                for schema, table, _ in columns
            )
        ).fetchall()
    rows = {(schema, table): count for schema, table, count in counts}
    return {
        dg.AssetKey([schema, table]): {
            "dagster/row_count": rows[schema, table],
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(name, kind.lower()) for name, kind in found]
            ),
        }
        for schema, table, found in columns
    }


def make_raw_ledger() -> dg.AssetsDefinition:
    """Return the raw tables of the ledger."""
    content = read_sources()["ledger"]
    keys = list_raw_tables("ledger")
    specs = [
        dg.AssetSpec(
            key,
            group_name="raw",
            kinds={"python", "duckdb"},
            owners=[LEDGER_TEAM],
            description=f"{content['title']}: {key.path[-1].replace('_', ' ')}, as found.",
        )
        for key in keys
    ]

    @dg.multi_asset(
        specs=specs, name="raw_ledger", required_resource_keys={"workshop"}, pool=WAREHOUSE_POOL
    )
    def raw_ledger(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        """Read the ledger into a new work database."""
        workshop: Workshop = context.resources.workshop
        with workshop.step("load the ledger"):
            report = workshop.report = steps.load_raw(workshop.settings)
        for refusal in report.refusals:
            context.log.warning(f"{refusal.file}:{refusal.line}: {refusal.message}")
        described = describe_tables(workshop.settings)
        for key in keys:
            count = report.counts.get(key.path[-1])
            figures = count and {
                "received": count.received,
                "accepted": count.accepted,
                "quarantined": count.quarantined,
            }
            yield dg.MaterializeResult(
                asset_key=key, metadata={**described.get(key, {}), **(figures or {})}
            )

    return raw_ledger

"""The dbt models as assets, their data tests as asset checks."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

import dagster as dg
from packaging.version import Version

from orchestration import steps
from orchestration.assets import WAREHOUSE_TEAM
from orchestration.checks import show_failed_rows
from orchestration.dbt_process import BUILD
from orchestration.imports import leave_out
from orchestration.resources import WAREHOUSE_POOL, Workshop
from orchestration.settings import Settings

# dagster-dbt imports dbt where there is one, for its names alone; here dbt has its own process.
with leave_out("dbt"):
    from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation, dbt_assets

PUBLISHED_LAYERS = ("core", "marts", "audit")


class LayerTranslator(DagsterDbtTranslator):
    """Groups models by their layer, which is the folder that they stand in, and says whose they are."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the layer of a model."""
        return str(dbt_resource_props["fqn"][1])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """Return who keeps the models."""
        return [WAREHOUSE_TEAM]


def list_published(manifest: Mapping[str, Any]) -> list[dg.AssetKey]:
    """Return the asset keys of the models that a release publishes."""
    return [
        dg.AssetKey([node["config"]["schema"], node["name"]])
        for _, node in sorted(manifest["nodes"].items())
        if node["resource_type"] == "model" and node["config"]["schema"] in PUBLISHED_LAYERS
    ]


def list_macros(manifest: Mapping[str, Any]) -> list[dg.AssetKey]:
    """Return the asset keys of the table macros."""
    return [
        dg.AssetKey([node["config"]["schema"], node["name"]])
        for _, node in sorted(manifest["nodes"].items())
        if node["resource_type"] == "model" and node["config"]["materialized"] == "table_macro"
    ]


def make_models(settings: Settings, manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Return all models as one step, as dbt runs them."""
    translator = LayerTranslator()

    @dbt_assets(
        manifest=manifest,
        dagster_dbt_translator=translator,
        name="dbt_models",
        required_resource_keys={"workshop"},
        pool=WAREHOUSE_POOL,
    )
    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Run dbt in a process of its own, on the work database."""
        workshop: Workshop = context.resources.workshop
        with show_failed_rows(), workshop.step("build and test the models with dbt"):
            steps.forget_audit(settings)
            dbt = workshop.take_dbt()
            try:
                invocation = DbtCliInvocation(
                    process=dbt.begin([*BUILD, *_select(context)]),
                    manifest=manifest,
                    dagster_dbt_translator=translator,
                    project_dir=settings.dbt_project_dir,
                    target_path=settings.dbt_target_dir,
                    raise_on_error=False,
                    cli_version=Version(metadata.version("dbt-core")),
                    context=context,
                )
                yield from invocation.stream()
                error = invocation.get_error()
            finally:
                dbt.stop()
            steps.require_built(settings, error)

    return dbt_models


def _select(context: dg.AssetExecutionContext) -> list[str]:
    """Return dbt's arguments for the models that a person picked; none picks all."""
    if not context.is_subset:
        return []
    return ["--select", *sorted(key.path[-1] for key in context.selected_asset_keys)]

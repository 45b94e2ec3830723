"""A failed dbt test keeps back all that follows it: dbt's models and Python's assets."""

from __future__ import annotations

import dagster as dg
import duckdb

from orchestration.dbt_process import read_manifest
from orchestration.definitions import BUILD, build_definitions
from orchestration.resources import Workshop
from orchestration.settings import Settings

_FAILING_TEST = """
{{ config(meta={"why": "Injected."}) }}
select deal_id from {{ ref('dim_deal') }}
"""


def _build(settings: Settings) -> tuple[dg.ExecuteInProcessResult, list[str], Workshop]:
    """Build the models, and an asset in Python that follows one; return what of it ran."""
    ran: list[str] = []

    @dg.asset(deps=[dg.AssetKey(["marts", "capacity_by_customer"])])
    def follower() -> None:
        ran.append("follower")

    workshop = Workshop(settings)
    shared = dg.ResourceDefinition.hardcoded_resource(workshop)
    definitions = dg.Definitions.merge(
        build_definitions(settings, read_manifest(settings), shared),
        dg.Definitions(assets=[follower]),
    )
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_job_def(BUILD)
        return job.execute_in_process(instance=instance, raise_on_error=False), ran, workshop


def _list_tables(settings: Settings) -> set[str]:
    with duckdb.connect(settings.work_database, read_only=True) as connection:
        found = connection.execute("select table_name from duckdb_tables()").fetchall()
    return {name for (name,) in found}


def test_a_failed_dbt_test_blocks_models_and_python_assets_downstream(world: Settings) -> None:
    outcome, ran, _ = _build(world)
    assert outcome.success and ran == ["follower"]
    assert {"dim_deal", "capacity_by_customer"} <= _list_tables(world)

    (world.dbt_project_dir / "tests").mkdir()
    injected = world.dbt_project_dir / "tests" / "finds_every_deal.sql"
    injected.write_text(_FAILING_TEST, encoding="utf-8")
    outcome, ran, workshop = _build(world)

    assert not outcome.success and ran == []
    assert "finds_every_deal" in str(workshop.failure)
    tables = _list_tables(world)
    assert "dim_deal" in tables and "capacity_by_customer" not in tables
    failed = {event.step_key for event in outcome.all_events if event.is_step_failure}
    assert failed == {"dbt_models"}

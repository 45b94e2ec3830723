"""Dagster sees what there is to see: every raw table, every model, every expectation file."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb
import pytest
import yaml
from dagster._core.instance.config import PoolGranularity

from orchestration.assets.raw import list_raw_tables, read_sources
from orchestration.audit.expectations import run_suites
from orchestration.audit.suites import load_suites
from orchestration.dbt_process import BUILD, read_manifest
from orchestration.definitions import build_definitions
from orchestration.settings import ROOT, prepare_dagster_home
from sources.ledger.flatten import RAW_TABLES
from tests.orchestration.conftest import make_world, open_world


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dg.RepositoryDefinition:
    """The definitions of the small world, resolved."""
    world = make_world(tmp_path_factory.mktemp("definitions"))
    repository = build_definitions(world, read_manifest(world)).get_repository_def()
    # As the UI does; names that clash are found only then.
    repository.load_all_definitions()
    return repository


def test_assets_follow_each_other_from_the_ledger_to_the_release(
    repository: dg.RepositoryDefinition,
) -> None:
    graph = repository.asset_graph
    deal, mart = dg.AssetKey(["core", "dim_deal"]), dg.AssetKey(["marts", "capacity_by_customer"])

    assert graph.get(deal).parent_keys == {dg.AssetKey(["raw_ledger", "deal_event"])}
    assert graph.get(mart).parent_keys == {deal}
    published = {key for key in graph.get_all_asset_keys() if key.path[0] in ("core", "marts")}
    assert published <= graph.get(dg.AssetKey("release")).parent_keys
    assert {graph.get(key).group_name for key in (deal, mart)} == {"core", "marts"}


def test_every_expectation_file_is_a_blocking_check(repository: dg.RepositoryDefinition) -> None:
    key = dg.AssetCheckKey(dg.AssetKey(["core", "dim_deal"]), "expectations")

    assert repository.asset_graph.get(key).blocking


def test_every_asset_says_what_it_is_and_whose(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    bare = {"capacity_by_customer", "capital_loops", "spend_by_customer"}

    for key in graph.get_all_asset_keys():
        asset = graph.get(key)
        assert asset.owners and asset.kinds and asset.group_name != "default", key
        # The models of the small world are not all described; those of the warehouse must be.
        assert asset.description or key.path[-1] in bare, key


def test_runs_that_write_to_the_warehouse_share_a_pool_and_have_a_limit_of_time(
    repository: dg.RepositoryDefinition,
) -> None:
    for name in repository.job_names:
        job = repository.get_job(name)
        pools = {node.pool for node in job.all_node_defs if isinstance(node, dg.OpDefinition)}
        if name in ("refresh", "build"):
            assert pools == {"warehouse"}
        elif name.startswith("poll_"):
            assert pools == {name.replace("poll", "feed", 1)}
        if not name.startswith("__"):
            assert int(job.tags["dagster/max_runtime"]) > 0


def test_dagster_is_set_up_for_one_machine_and_reports_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_dagster_home(open_world(tmp_path))

    with dg.DagsterInstance.get() as instance:
        assert instance.telemetry_enabled is False
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled is False
        pools = instance.get_concurrency_config().pool_config
        assert (pools.pool_granularity, pools.default_pool_limit) == (PoolGranularity.RUN, 1)


def test_jobs_and_the_schedule_are_there(repository: dg.RepositoryDefinition) -> None:
    assert {"build", "refresh"} <= set(repository.job_names)
    schedule = repository.get_schedule_def("daily_refresh")
    assert schedule.job_name == "refresh"
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_every_raw_table_has_an_asset() -> None:
    named = {key.path[-1] for key in list_raw_tables("ledger")}

    assert set(RAW_TABLES) <= named
    assert set(read_sources()) == {path.parent.name for path in (ROOT / "sources").glob("*/*.yml")}


def test_workspace_names_one_code_location() -> None:
    content = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))

    assert [list(entry) for entry in content["load_from"]] == [["python_module"]]
    module = content["load_from"][0]["python_module"]["module_name"]
    assert (ROOT / Path(*module.split("."))).with_suffix(".py").exists()


def test_expectation_files_of_the_warehouse_are_understood() -> None:
    suites = load_suites(ROOT / "dbt_project" / "models")

    # An empty database: none finds its table, but each must be of a known type.
    with duckdb.connect() as connection:
        results = run_suites(connection, suites)
    assert len(results) == sum(len(suite.expectations) for suite in suites) > 0


def test_unit_tests_of_models_are_left_to_the_tests() -> None:
    assert BUILD == ("build", "--exclude-resource-type", "unit_test")

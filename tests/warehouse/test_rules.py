"""What a release takes from dbt's manifest: the keys of tables, and the rules behind them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from orchestration.releases.rules import hash_rules, read_keys
from tests.warehouse.harness import CompiledProject


@pytest.fixture(scope="module")
def manifest(project: CompiledProject, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The manifest of the whole project, as dbt wrote it."""
    cache = request.config.cache.mkdir("gigaledger_dbt")
    (path,) = cache.glob("*/manifest.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def test_every_core_table_and_mart_states_its_key(manifest: dict[str, Any]) -> None:
    published = {
        f"{node['schema']}.{node['name']}": set(node["columns"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] in ("core", "marts")
        and node["config"]["materialized"] == "table"
    }  # fmt: skip
    keys = read_keys(manifest)

    assert len(published) > 30
    for table, columns in published.items():
        assert keys.get(table) and set(keys[table]) <= columns, table


def test_a_changed_macro_changes_the_rules_of_what_is_made_by_it_alone(
    manifest: dict[str, Any],
) -> None:
    changed = copy.deepcopy(manifest)
    changed["macros"]["macro.gigaledger.schedule_panel"]["macro_sql"] += " "
    changed["nodes"]["model.gigaledger.token_growth"]["description"] = "another"
    before, after = hash_rules(manifest), hash_rules(changed)

    moved = {table for table in before if before[table] != after[table]}

    assert {"marts.capacity_schedule", "marts.schedule_totals"} <= moved
    assert not moved & {"core.dim_deal", "marts.token_growth", "marts.capacity_eliminations"}


def test_a_changed_model_changes_the_rules_of_all_below_it(manifest: dict[str, Any]) -> None:
    changed = copy.deepcopy(manifest)
    changed["nodes"]["model.gigaledger.fct_token_volume"]["checksum"]["checksum"] = "another"
    before, after = hash_rules(manifest), hash_rules(changed)

    moved = {table for table in before if before[table] != after[table]}

    assert {"core.fct_token_volume", "marts.token_growth", "marts.demand_vs_supply"} <= moved
    assert not moved & {"core.dim_deal", "marts.capacity_schedule"}

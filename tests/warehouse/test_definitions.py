"""The UI can load the whole warehouse, with every job and the graph of all assets."""

from __future__ import annotations

from contextvars import Context

from orchestration.definitions import build_definitions
from orchestration.settings import read_settings
from tests.warehouse.harness import CompiledProject


def test_every_definition_of_the_warehouse_is_loaded_and_described(project: CompiledProject) -> None:
    # In an empty context: that of the process may still name the instance of an earlier test.
    repository = Context().run(
        lambda: build_definitions(read_settings({}), project.manifest).get_repository_def()
    )

    # As the UI does: cycles between checks and models, and names that clash, are found only then.
    repository.load_all_definitions()
    graph = repository.asset_graph
    for key in graph.get_all_asset_keys():
        asset = graph.get(key)
        assert asset.owners and asset.kinds and asset.description, key
        assert asset.group_name != "default", key
        if key.path[0] in ("core", "marts", "audit"):
            columns = {column.name for column in asset.metadata["dagster/column_schema"].columns}
            assert columns, key

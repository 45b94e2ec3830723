"""What dbt's manifest says about the published tables: their keys, and the rules behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.audit.dbt_tests import find_table
from orchestration.hashes import combine_hashes

# The generic test that proves a key to be one; what it is given is the only statement of the key.
_KEY_TEST = "is_sound"


def read_keys(manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the columns that name a row, for each table whose key is proven by a test."""
    keys = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if test.get("name") == _KEY_TEST:
            stated = test["kwargs"]
            stated = stated.get("arguments") or stated
            keys[find_table(manifest, node)] = tuple(stated["key"])
    return keys


def hash_rules(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return a hash for each model: of its SQL, and of all models and macros that it is made by.

    Macros of dbt itself are left out: the versions in a release's manifest tell of them.
    """
    found: dict[str, frozenset[str]] = {}

    def collect(unique_id: str) -> frozenset[str]:
        if unique_id in found:
            return found[unique_id]
        item = manifest["nodes"].get(unique_id) or manifest["macros"].get(unique_id)
        if item is None or item["package_name"] != manifest["metadata"]["project_name"]:
            return frozenset()
        text = item.get("macro_sql") or item["checksum"]["checksum"]
        # A macro may call itself.
        found[unique_id] = frozenset()
        on = item["depends_on"]
        above = (collect(name) for name in (*on.get("nodes", ()), *on["macros"]))
        found[unique_id] = frozenset({f"{unique_id} {text}"}).union(*above)
        return found[unique_id]

    return {
        f"{node['schema']}.{node['alias']}": combine_hashes(sorted(collect(unique_id)))[:32]
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    }

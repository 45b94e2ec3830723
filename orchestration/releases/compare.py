"""Compares the kept copies of two releases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from orchestration.release import FILE_NAME
from orchestration.releases.catalog import read_manifest
from orchestration.releases.diff import Side, compare
from sources.sql import quote_text


def compare_releases(
    warehouse_dir: Path, earlier: str, later: str, *, threads: int = 2
) -> dict[str, Any]:
    """Return what moved from one release to another, in the shape of diff.json.

    Raises:
        ReleaseError: when a manifest is missing or cannot be read.
    """
    sides = []
    with duckdb.connect(config={"threads": threads}) as connection:
        for database, release_id in (("earlier", earlier), ("later", later)):
            folder = warehouse_dir / "releases" / release_id
            sides.append(Side(database, read_manifest(folder)))
            file = quote_text(str(folder / FILE_NAME))
            connection.execute(f"attach {file} as {database} (read_only)")
        return compare(connection, *sides)

"""The releases that stand in a warehouse folder: which there are, and which is meant by a name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.release import (
    DIFF_NAME,
    FILE_NAME,
    MANIFEST_NAME,
    ReleaseError,
    read_release_id,
)
from orchestration.releases import log

RELEASE_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True)
class Listed:
    """One release, as the list shows it."""

    release_id: str
    is_current: bool
    manifest: Mapping[str, Any] | None
    """None when it cannot be read."""
    summary: str
    """One line on what moved since the release that readers had before it."""


def list_ids(warehouse_dir: Path) -> list[str]:
    """Return the ids of all releases whose copy is kept, the oldest first."""
    folder = warehouse_dir / "releases"
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if RELEASE_ID.fullmatch(path.name))


def list_releases(warehouse_dir: Path) -> list[Listed]:
    """Return all releases whose copy is kept, the newest first."""
    current = find_current(warehouse_dir)
    listed = []
    for release_id in reversed(list_ids(warehouse_dir)):
        folder = warehouse_dir / "releases" / release_id
        manifest: Mapping[str, Any] | None = None
        summary = ""
        try:
            manifest = read_manifest(folder)
            summary = str(read_json(folder / DIFF_NAME)["summary"])
        except ReleaseError as error:
            if manifest is None or (folder / DIFF_NAME).exists():
                summary = str(error)
        listed.append(Listed(release_id, release_id == current, manifest, summary))
    return listed


def list_rollbacks(warehouse_dir: Path) -> Sequence[log.Rollback]:
    """Return every rollback, the oldest first."""
    return log.read_log(warehouse_dir / "releases")


def find_current(warehouse_dir: Path) -> str | None:
    """Return the release that readers have; None when there is none or it cannot be read."""
    file = warehouse_dir / FILE_NAME
    return read_release_id(file) if file.exists() else None


def find_release(warehouse_dir: Path, name: str) -> str:
    """Return the id of the release that a person means by an id or the beginning of one.

    Raises:
        ReleaseError: when there is none, or several.
    """
    ids = list_ids(warehouse_dir)
    found = [release_id for release_id in ids if release_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not ids:
        raise ReleaseError(f"no release in {warehouse_dir}; run make refresh first")
    what = "several releases begin" if found else "no release that is kept begins"
    some = ", ".join((found or ids)[-3:])
    raise ReleaseError(f"{what} with {name!r}; there are {some}; make releases lists all")


def require_current(warehouse_dir: Path) -> str:
    """Return the release that readers have.

    Raises:
        ReleaseError: when there is none, or it cannot be read.
    """
    release_id = find_current(warehouse_dir)
    if release_id is not None:
        return release_id
    file = warehouse_dir / FILE_NAME
    if file.exists():
        raise ReleaseError(
            f"{file} is no release that can be read; make rollback RELEASE=... puts one back"
        )
    raise ReleaseError(f"no release in {warehouse_dir}; run make refresh first")


def find_before(warehouse_dir: Path, release_id: str) -> str:
    """Return the release that readers had before another, else the one made before it.

    Raises:
        ReleaseError: when no copy of it is kept.
    """
    ids = list_ids(warehouse_dir)
    path = warehouse_dir / "releases" / release_id / DIFF_NAME
    before = read_json(path)["from"] if path.exists() else None
    if before in ids:
        return str(before)
    earlier = [other for other in ids if other < release_id]
    if not earlier:
        raise ReleaseError(f"no release before {release_id} is kept; name two with A=... B=...")
    return earlier[-1]


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a release.

    Raises:
        ReleaseError: when it is missing or cannot be read.
    """
    manifest = read_json(folder / MANIFEST_NAME)
    if not isinstance(manifest, dict) or manifest.get("release_id") != folder.name:
        raise ReleaseError(f"{folder / MANIFEST_NAME} is not the manifest of this release")
    return manifest


def read_json(path: Path) -> Any:
    """Return what a JSON file of a release holds.

    Raises:
        ReleaseError: when it is missing or cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReleaseError(f"{path} is missing") from None
    except ValueError as error:
        raise ReleaseError(f"{path} cannot be read: {error}") from None

"""Deletes the copies of old releases by the policy of docs/releases.md."""

from __future__ import annotations

import shutil
from pathlib import Path

from orchestration.releases.catalog import find_current, list_ids, list_rollbacks

_PRUNED = ".pruned-"


def prune(warehouse_dir: Path, keep: int | None) -> list[str]:
    """Delete the copies that the policy does not keep, and return their ids.

    Args:
        warehouse_dir: the warehouse; the caller holds its lock.
        keep: how many of the latest releases are kept; None keeps all.

    Raises:
        OSError: when a copy cannot be deleted; the next call goes on where this one stopped.
    """
    releases = warehouse_dir / "releases"
    for leftover in releases.glob(f"{_PRUNED}*"):
        shutil.rmtree(leftover)
    if keep is None:
        return []
    ids = list_ids(warehouse_dir)
    kept = list_kept(warehouse_dir, ids, keep)
    pruned = [release_id for release_id in ids if release_id not in kept]
    for release_id in pruned:
        # Half a release must not look like one, should the machine stop.
        gone = releases / f"{_PRUNED}{release_id}"
        (releases / release_id).rename(gone)
        shutil.rmtree(gone)
    return pruned


def list_kept(warehouse_dir: Path, ids: list[str], keep: int) -> set[str]:
    """Return the releases that are kept: of `ids`, sorted, those that the policy names."""
    latest = set(ids[-keep:])
    # An id begins with its UTC year and month; the last of a month overwrites the earlier.
    monthly = {release_id[:6]: release_id for release_id in ids}
    current = find_current(warehouse_dir)
    named = {
        name
        for entry in list_rollbacks(warehouse_dir)
        for name in (entry.release_id, entry.replaced, entry.latest)
    }
    return latest | set(monthly.values()) | (named & set(ids)) | ({current} & set(ids))

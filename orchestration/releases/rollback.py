"""Gives readers an earlier release again, verified, in one rename, and with a note of who and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from orchestration.hashes import hash_file
from orchestration.release import FILE_NAME, ReleaseError, put_back, settle
from orchestration.releases import log
from orchestration.releases.catalog import find_current, list_ids
from orchestration.releases.verify import require_whole


def roll_back(
    warehouse_dir: Path,
    release_id: str,
    *,
    published_by: str,
    reason: str | None,
    now: datetime | None = None,
) -> log.Rollback:
    """Put a release back in place of what readers have; the caller holds the lock.

    The published file becomes the copy of that release, byte for byte.

    Raises:
        ReleaseError: when the copy is damaged, or is what readers have already.
    """
    settle(warehouse_dir)
    sha256 = require_whole(warehouse_dir, release_id)
    file = warehouse_dir / FILE_NAME
    replaced = find_current(warehouse_dir)
    if replaced == release_id and hash_file(file) == sha256:
        raise ReleaseError(f"{release_id} is what readers have already")
    releases = warehouse_dir / "releases"
    standing = log.find_standing(releases, replaced)
    moment = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0, tzinfo=None)
    rollback = log.Rollback(
        rolled_back_at=_find_free_second(warehouse_dir, moment),
        release_id=release_id,
        sha256=sha256,
        replaced=replaced,
        latest=standing.latest if standing else replaced or list_ids(warehouse_dir)[-1],
        published_by=published_by,
        reason=reason,
    )
    put_back(warehouse_dir, rollback)
    return rollback


def _find_free_second(warehouse_dir: Path, moment: datetime) -> datetime:
    """Return a time after that of everything that readers were given before."""
    given = [entry.rolled_back_at for entry in log.read_log(warehouse_dir / "releases")]
    try:
        with duckdb.connect(warehouse_dir / FILE_NAME, read_only=True) as connection:
            rows = connection.execute("select max(published_at) from audit.release").fetchall()
        given += [time for (time,) in rows if time]
    except duckdb.Error:
        # What readers have cannot be read, which is why it is being replaced.
        pass
    return max([moment, *(time + timedelta(seconds=1) for time in given)])

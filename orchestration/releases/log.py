"""The log of rollbacks, beside the releases: which release readers were given again, and why.

A release is never changed, so a rollback cannot be written into the one that it puts back. It
stands here, one JSON object a line, from the moment on which readers have that release; the next
release carries it into its `audit.release`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from orchestration.hashes import hash_file

LOG_NAME = "rollbacks.jsonl"
_NEXT_NAME = ".next-rollbacks.jsonl"


@dataclass(frozen=True)
class Rollback:
    """One rollback."""

    rolled_back_at: datetime
    """In UTC."""
    release_id: str
    """The release that readers have been given again."""
    sha256: str
    """Hash of its database, by which it is known to be in place."""
    replaced: str | None
    """The release that readers had before; None when what they had could not be read."""
    latest: str
    """The last release that a refresh had published by then: its history is the longest."""
    published_by: str
    reason: str | None


def read_log(releases: Path) -> list[Rollback]:
    """Return every rollback that took place, the oldest first."""
    return _read(releases / LOG_NAME)


def begin(releases: Path, rollback: Rollback) -> None:
    """Note a rollback that is about to take place; `settle` enters or forgets it."""
    entries = [*read_log(releases), rollback]
    path = releases / _NEXT_NAME
    with path.open("w", encoding="utf-8") as file:
        for entry in entries:
            content = asdict(entry) | {"rolled_back_at": f"{entry.rolled_back_at.isoformat()}Z"}
            file.write(f"{json.dumps(content, ensure_ascii=False)}\n")
        file.flush()
        os.fsync(file.fileno())


def is_begun(releases: Path) -> bool:
    """Return whether a rollback was begun and neither entered nor forgotten yet."""
    return (releases / _NEXT_NAME).exists()


def settle(releases: Path, published: Path) -> None:
    """Enter the rollback that was begun when the published file shows it, else forget it."""
    path = releases / _NEXT_NAME
    if not path.exists():
        return
    try:
        begun: Sequence[Rollback] = _read(path)
    except (ValueError, TypeError):
        # Cut short while it was noted, so nothing had been put back yet.
        begun = []
    if begun and published.exists() and hash_file(published) == begun[-1].sha256:
        os.replace(path, releases / LOG_NAME)
    else:
        path.unlink()


def find_standing(releases: Path, release_id: str | None) -> Rollback | None:
    """Return the rollback because of which readers have a release; None when it is the latest."""
    entries = read_log(releases)
    return entries[-1] if entries and entries[-1].release_id == release_id else None


def _read(path: Path) -> list[Rollback]:
    if not path.exists():
        return []
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Rollback(
            **entry
            | {
                "rolled_back_at": datetime.fromisoformat(entry["rolled_back_at"]).replace(
                    tzinfo=None
                )
            }
        )
        for entry in entries
    ]

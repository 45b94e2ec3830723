"""Tells whether the published file is, byte for byte, the database of a release that is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from orchestration.hashes import hash_file

# A publication renames the folder of its release, which may hide it from one look.
_LOOKS = 2


class DamagedError(Exception):
    """The published file is not what was published; the message says what to do."""


def require_intact(file: Path) -> None:
    """Refuse a published file that has changed since it was published.

    All of it is hashed each time: a disk that forgets a bit does not touch the file's time. A file
    that stands alone, without the folder of its releases, has nothing to be held against.

    Raises:
        DamagedError: when no manifest that is kept states the hash of the file.
    """
    releases = file.parent / "releases"
    if not releases.is_dir():
        return
    for _ in range(_LOOKS):
        if hash_file(file) in _read_hashes(releases, file.name):
            return
    raise DamagedError(
        f"{file} is damaged: its bytes are not those of any release under {releases};"
        " make refresh puts a whole one in its place"
    )


def find_intact_copy(file: Path, release_id: str) -> Path | None:
    """Return the kept database of the release of a published file, if it is as it was made."""
    releases = file.parent / "releases"
    for name in (release_id, f".pending-{release_id}"):
        copy = releases / name / file.name
        if copy.is_file() and hash_file(copy) in _read_hashes(releases, file.name, folder=name):
            return copy
    return None


def _read_hashes(releases: Path, name: str, *, folder: str = "*") -> Iterator[str]:
    for manifest in releases.glob(f"{folder}/manifest.json"):
        try:
            yield json.loads(manifest.read_bytes())["files"][name]
        except (OSError, ValueError, KeyError, TypeError):
            # A damaged manifest vouches for nothing.
            continue

"""What to do about the troubles of a machine: a full disk, a folder that is read-only, memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from orchestration.settings import Settings

# What the operating system, DuckDB and SQLite say, in small letters.
_FULL = ("no space left", "disk is full", "disk quota exceeded", "file too large")
# SQLite says this of a full disk and of too little memory.
_FULL_OR_NO_MEMORY = "disk i/o error"
_ROOM_BYTES = 64 << 20
_READ_ONLY = (
    "read-only file system",
    "permission denied",
    "readonly database",
    "unable to open database file",
)
_NO_MEMORY = (
    "memoryerror",
    "out of memory",
    "cannot allocate memory",
    "bad_alloc",
    "could not alloc",
    "allocation failure",
)


def find_remedy(error: BaseException, settings: Settings) -> str | None:
    """Return what mends an error, or one it came from, of the machine; None for any other."""
    told = " ".join(f"{type(each).__name__}: {each}" for each in _list_causes(error)).lower()
    is_unclear = _FULL_OR_NO_MEMORY in told
    has_room = is_unclear and _has_room(settings)
    if any(words in told for words in _FULL) or is_unclear and not has_room:
        return f"the disk is full: free some space for {settings.warehouse_dir}, then refresh again"
    if any(words in told for words in _READ_ONLY):
        return (
            f"a folder cannot be written: make {settings.warehouse_dir} and"
            f" {settings.dagster_home} writable for this user"
        )
    if any(words in told for words in _NO_MEMORY) or has_room:
        return "there is too little memory: end other programs, or set GIGALEDGER_THREADS=1"
    return None


def _has_room(settings: Settings) -> bool:
    folders = (settings.warehouse_dir, settings.dagster_home)
    return all(shutil.disk_usage(folder).free > _ROOM_BYTES for folder in folders)


def _list_causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__

"""What to do about the troubles of a machine: a full disk, a folder that is read-only, memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

# What the operating system, DuckDB and SQLite say, in small letters.
_FULL = ("no space left", "disk is full", "disk quota exceeded", "file too large", "disk i/o error")
_READ_ONLY = ("read-only file system", "permission denied", "readonly database")
_NO_MEMORY = (
    "memoryerror",
    "out of memory",
    "cannot allocate memory",
    "bad_alloc",
    "could not alloc",
)


def find_remedy(error: BaseException, folder: Path) -> str | None:
    """Return what mends an error that came from the machine; None for any other.

    Args:
        error: what went wrong; what it came from is looked at too.
        folder: the warehouse folder, named in the remedy.
    """
    told = " ".join(f"{type(each).__name__}: {each}" for each in _list_causes(error)).lower()
    if any(words in told for words in _FULL):
        return f"the disk is full: free some space for {folder}, then refresh again"
    if any(words in told for words in _READ_ONLY):
        return (
            f"the folder cannot be written: make {folder} writable for this user, or name another"
            " with GIGALEDGER_WAREHOUSE"
        )
    if any(words in told for words in _NO_MEMORY):
        return "there is too little memory: end other programs, or set GIGALEDGER_THREADS=1"
    return None


def _list_causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__

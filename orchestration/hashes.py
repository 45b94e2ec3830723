"""Hashes of what a table holds, a file holds, and a ledger is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from sources.sql import quote_name, quote_text

_BLOCK = 1 << 20


@dataclass(frozen=True)
class InputFile:
    """A file that a refresh read."""

    path: str
    """Relative to the ledger folder, with forward slashes."""
    byte_count: int
    sha256: str


@dataclass(frozen=True)
class TableHash:
    """What a table held when it was hashed."""

    row_count: int
    content_hash: str


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_inputs(ledger_dir: Path, paths: Iterable[Path]) -> list[InputFile]:
    """Return the input files in the order of their paths."""
    return [
        InputFile(path.relative_to(ledger_dir).as_posix(), path.stat().st_size, hash_file(path))
        for path in sorted(paths)
    ]


def combine_hashes(parts: Iterable[str]) -> str:
    """Return one hash of several texts, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()


def row_hash(columns: Sequence[str], *, label: str = "") -> str:
    """Return SQL for the 64-bit hash of a row, and of a label that tells tables apart.

    Each value is written with its length before it, so that no two rows are written alike.
    """
    values = (f"cast({quote_name(column)} as varchar)" for column in columns)
    texts = [f"coalesce(length({value}) || ':' || {value}, '-')" for value in values]
    return f"md5_number_upper({' || '.join([quote_text(label), *texts])})"


def hash_table(connection: DuckDBPyConnection, table: str) -> TableHash:
    """Hash the columns and the rows of a table, whatever order the rows stand in.

    The rows' hashes are added, so neither row order nor threads matter and no sort is needed; a
    sum, unlike exclusive or, also sees a row that stands twice. It guards against change and
    damage, not against someone who makes up rows to fit: for that there is the SHA-256 of the file.
    """
    described = connection.execute(f"describe {table}").fetchall()
    columns = [(str(name), str(kind)) for name, kind, *_ in described]
    found = connection.execute(
        f"select count(*), sum(cast({row_hash([name for name, _ in columns])} as hugeint))"
        f" from {table}"
    ).fetchone()
    assert found is not None
    row_count, total = found
    names = (f"{name} {kind}" for name, kind in columns)
    return TableHash(row_count, combine_hashes([*names, str(row_count), str(total or 0)])[:32])

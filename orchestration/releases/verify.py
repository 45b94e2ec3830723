"""Holds what stands on the disk against the hashes that a release's manifest states. No network."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from orchestration.hashes import hash_file, hash_table
from orchestration.release import (
    FILE_NAME,
    MANIFEST_HASH_NAME,
    MANIFEST_NAME,
    PUBLISHED_SCHEMAS,
    ReleaseError,
)
from orchestration.releases.catalog import find_current, read_manifest
from sources.feeds.feed import SOURCES_DIR
from sources.feeds.snapshots import Store, list_samples
from sources.sql import quote_table


@dataclass(frozen=True)
class Verdict:
    """What was held against a manifest, and what differs from it."""

    release_id: str
    files: int
    tables: int
    inputs: int
    """Input files that the manifest states."""
    damage: Sequence[str]
    """What of the release differs."""
    in_git: Sequence[str]
    """Inputs that changed in their folder since, and stand in git as the release read them."""
    lost: Sequence[str]
    """Inputs that stand nowhere as the release read them, so they cannot be verified."""


def verify_release(warehouse_dir: Path, release_id: str, *, ledger_dir: Path) -> Verdict:
    """Verify the copy of a release, the published file if it is that release, and its inputs."""
    folder = warehouse_dir / "releases" / release_id
    damage = _check_manifest(folder)
    try:
        manifest = read_manifest(folder)
    except ReleaseError as error:
        return Verdict(release_id, 0, 0, 0, [*damage, str(error)], [], [])
    damage += _check_files(folder, manifest["files"])
    if not damage:
        damage += _check_tables(folder / FILE_NAME, manifest["tables"])
    damage += _check_published(warehouse_dir, release_id, manifest["files"][FILE_NAME])
    changed = [
        item
        for item in manifest["inputs"]
        if all(
            _hash_if_there(place) != item["sha256"]
            for place in _list_places(warehouse_dir, ledger_dir, item)
        )
    ]
    in_git = [
        path
        for folder in (ledger_dir, SOURCES_DIR)
        for path in _find_in_git(folder, manifest["git_revision"], changed)
    ]
    return Verdict(
        release_id,
        len(manifest["files"]),
        len(manifest["tables"]),
        len(manifest["inputs"]),
        damage,
        in_git,
        [item["path"] for item in changed if item["path"] not in in_git],
    )


def require_whole(warehouse_dir: Path, release_id: str) -> str:
    """Return the hash of the database of a release after verifying its copy.

    Raises:
        ReleaseError: when the copy is damaged.
    """
    folder = warehouse_dir / "releases" / release_id
    manifest = read_manifest(folder)
    damage = [*_check_manifest(folder), *_check_files(folder, manifest["files"])]
    damage = damage or _check_tables(folder / FILE_NAME, manifest["tables"])
    if damage:
        lines = "\n".join(f"  {line}" for line in damage)
        raise ReleaseError(f"the copy of {release_id} is damaged; choose another:\n{lines}")
    return str(manifest["files"][FILE_NAME])


def _check_manifest(folder: Path) -> list[str]:
    """Hold the manifest against the hash beside it, which early releases do not have."""
    path = folder / MANIFEST_HASH_NAME
    if not path.exists():
        return []
    found = _hash_if_there(folder / MANIFEST_NAME)
    if path.read_bytes() != f"{found}  {MANIFEST_NAME}\n".encode():
        return [f"{MANIFEST_NAME}: not as {MANIFEST_HASH_NAME} states"]
    return []


def _check_files(folder: Path, stated: Mapping[str, str]) -> list[str]:
    damage = []
    for name, expected in stated.items():
        found = _hash_if_there(folder / name)
        if found is None:
            damage.append(f"{name}: missing")
        elif found != expected:
            damage.append(f"{name}: {_tell_hashes(found, expected)}")
    own = {MANIFEST_NAME, MANIFEST_HASH_NAME}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in stated and name not in own:
            damage.append(f"{name}: the manifest does not name it")
    return damage


def _check_tables(file: Path, stated: Iterable[Mapping[str, Any]]) -> list[str]:
    """Hash every table anew; run on a file whose own hash is right."""
    damage = []
    with duckdb.connect(file, read_only=True) as connection:
        rows = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
            f" where schema_name in {PUBLISHED_SCHEMAS}"
        ).fetchall()
        there = {name for (name,) in rows}
        for entry in stated:
            table = entry["table"]
            if table not in there:
                damage.append(f"{table}: missing from {FILE_NAME}")
                continue
            found = hash_table(connection, quote_table(table))
            if found.row_count != entry["row_count"]:
                damage.append(f"{table}: {found.row_count} rows in place of {entry['row_count']}")
            elif found.content_hash != entry["content_hash"]:
                damage.append(f"{table}: its rows have another hash")
            there.discard(table)
    return damage + [f"{table}: the manifest does not name it" for table in sorted(there)]


def _check_published(warehouse_dir: Path, release_id: str, expected: str) -> list[str]:
    """Hold what readers have against the manifest, if it is this release."""
    file = warehouse_dir / FILE_NAME
    link = warehouse_dir / "parquet"
    # The link names the release even where the file is too damaged to do so.
    is_linked = link.is_symlink() and release_id in link.readlink().parts
    if not is_linked and release_id != find_current(warehouse_dir):
        return []
    found = _hash_if_there(file)
    if found is None:
        return [f"the published {FILE_NAME} is missing"]
    if found != expected:
        return [f"the published {FILE_NAME}: {_tell_hashes(found, expected)}"]
    return []


def _tell_hashes(found: str, expected: str) -> str:
    return f"has another hash, {found[:12]} in place of {expected[:12]}"


def _hash_if_there(path: Path) -> str | None:
    return hash_file(path) if path.is_file() else None


def _list_places(warehouse_dir: Path, ledger_dir: Path, item: Mapping[str, Any]) -> Iterator[Path]:
    """Yield where an input may stand: in the ledger, beside a feed, or among its snapshots."""
    path = str(item["path"])
    yield ledger_dir / path
    yield SOURCES_DIR / path
    folder, _, rest = path.partition("/")
    if folder == "snapshots" and rest.count("/") == 1:
        feed, name = rest.split("/")
        yield Store(warehouse_dir / folder).content(feed, name)
        yield from (sample.path for sample in list_samples(feed, SOURCES_DIR / feed))


def _find_in_git(
    folder: Path, revision: str | None, inputs: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return those inputs that git holds, at the revision of the release, with the stated hash."""
    if not revision or not inputs:
        return []
    commit = revision.removesuffix("-dirty")
    names = "".join(f"{commit}:./{item['path']}\n" for item in inputs)
    try:
        answer = subprocess.run(
            ("git", "cat-file", "--batch"),
            cwd=folder,
            input=names.encode(),
            capture_output=True,
            check=False,
        ).stdout
    except OSError:
        return []
    found, place = [], 0
    for item in inputs:
        end = answer.find(b"\n", place)
        header = answer[place:end].split()
        place = end + 1
        if len(header) == 3 and header[1] == b"blob":
            size = int(header[2])
            if sha256(answer[place : place + size]).hexdigest() == item["sha256"]:
                found.append(item["path"])
            place += size + 1
        elif end < 0:
            break
    return found

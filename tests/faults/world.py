"""A small warehouse to do harm to: refreshes in process groups of their own, and what must hold.

Each refresh is of another ledger, so that tables of two refreshes can be told apart.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.hashes import hash_file, hash_table
from orchestration.settings import ROOT, Settings
from sources.sql import quote_text
from tests.orchestration.conftest import make_world, write_ledger

Say = Callable[[str], None]

_LEDGERS = 5


class Fault(AssertionError):
    """A promise was broken; the message says which and where."""


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    status: int
    out: str
    err: str

    @property
    def was_killed(self) -> bool:
        return self.status == -signal.SIGKILL


@dataclass
class World:
    """A folder with a ledger, a dbt project of six models and a warehouse."""

    folder: Path
    settings: Settings
    _known_good: set[str] = field(default_factory=set)
    _ledger: int = 0

    @classmethod
    def make(cls, folder: Path) -> World:
        folder.mkdir(parents=True)
        return cls(folder, make_world(folder))

    @property
    def warehouse(self) -> Path:
        return self.settings.warehouse_dir

    @property
    def releases(self) -> Path:
        return self.warehouse / "releases"

    def change_ledger(self) -> None:
        """Put a ledger of another size in the place of the last one."""
        self._ledger = self._ledger % _LEDGERS + 1
        shutil.rmtree(self.settings.ledger_dir)
        deals = {f"provider{number}": 4.5 for number in range(self._ledger)}
        write_ledger(self.settings.ledger_dir, **deals)

    def start(self, point: str | None = None, **options: Any) -> subprocess.Popen[str]:
        """Start a refresh as the leader of a process group, to be killed at a point if one is named."""
        command = [sys.executable, "-m", "tests.faults.refresher", str(self.folder)]
        return start_group([*command, *([point] if point else [])], **options)

    def refresh(self, point: str | None = None) -> Ended:
        """Run a refresh to its end, or to the point at which it is killed."""
        return wait(self.start(point))

    def heal(self) -> str:
        """Refresh without any fault; return the id of what must now be the whole release."""
        return self.heal_with(self.refresh())

    def heal_with(self, ended: Ended) -> str:
        """Return the id of the whole release that a refresh must have left that ran to its end."""
        if ended.status != 0:
            raise Fault(f"the next refresh ended with {ended.status}:\n{ended.out}{ended.err}")
        release_id = self.examine()
        if release_id is None or f"release  {release_id}," not in ended.out:
            raise Fault(f"the release is {release_id}, but the refresh said:\n{ended.out}")
        if (self.warehouse / "parquet").resolve() != self.releases / release_id / "parquet":
            raise Fault("the link parquet does not lead to the release")
        leftovers = [
            path.name
            for folder in (self.warehouse, self.releases)
            for path in folder.iterdir()
            if path.name.startswith((".staging", ".pending", ".next"))
        ]
        if leftovers:
            raise Fault(f"the next refresh left {leftovers} behind")
        return release_id

    def list_releases(self) -> list[str]:
        """Return the ids of the releases that stand under their own names."""
        if not self.releases.is_dir():
            return []
        return sorted(
            path.name
            for path in self.releases.iterdir()
            if path.is_dir() and not path.name.startswith(".")
        )

    def examine(self) -> str | None:
        """Return the id of the published release, every table of which must be its own.

        Raises:
            Fault: when the file cannot be read, or holds what its manifest does not state.
        """
        link = self.warehouse / "parquet"
        if link.is_symlink():
            self._require_whole(link.resolve().parent)
        for release_id in self.list_releases():
            self._require_whole(self.releases / release_id)
        if not self.settings.release_file.exists():
            return None
        return require_consistent(self.settings.release_file, self.releases)

    def _require_whole(self, folder: Path) -> None:
        """Fail unless every file of a release is as its manifest says; looked at once."""
        if folder.name in self._known_good:
            return
        manifest = read_manifest(folder)
        for name, sha256 in manifest["files"].items():
            if hash_file(folder / name) != sha256:
                raise Fault(f"{folder.name}/{name} is not what its manifest states")
        with duckdb.connect() as connection:
            for table in manifest["tables"]:
                name = table["table"].split(".")[1]
                path = quote_text(str(folder / "parquet" / f"{name}.parquet"))
                connection.execute(f"create or replace temp view held as from read_parquet({path})")
                if hash_table(connection, "held").content_hash != table["content_hash"]:
                    raise Fault(f"{folder.name}: the Parquet of {table['table']} holds another")
        self._known_good.add(folder.name)


def require_consistent(file: Path, releases: Path) -> str:
    """Return the id of a published file, all tables of which must be of that one release."""
    try:
        with duckdb.connect(file, read_only=True) as connection:
            release_id = _read_one(connection, "select max(release_id) from audit.check_result")
            folder = _find_release(releases, release_id)
            manifest = read_manifest(folder)
            for table in manifest["tables"]:
                if hash_table(connection, table["table"]).content_hash != table["content_hash"]:
                    raise Fault(f"{table['table']} in {file} is not that of release {release_id}")
            deals = _read_one(connection, "select count(*) from core.dim_deal")
            total = _read_one(
                connection, "select gross_gw_base from capacity_as_of(current_date) limit 1"
            )
            if float(total) != 4.5 * deals:
                raise Fault(f"{deals} deals of 4.5 GW, but a total of {total} in {release_id}")
    except duckdb.Error as error:
        raise Fault(f"{file} cannot be read: {error}") from error
    if hash_file(file) != manifest["files"][file.name]:
        raise Fault(f"{file} is not the file of release {release_id}, byte for byte")
    return str(release_id)


def _find_release(releases: Path, release_id: str) -> Path:
    for folder in (releases / release_id, releases / f".pending-{release_id}"):
        if folder.is_dir():
            return folder
    raise Fault(f"the published release {release_id} has no copy under {releases}")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a release folder."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return manifest


def _read_one(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def start_group(command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
    """Start a process as the leader of a group of its own, its output kept."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GIGALEDGER_")
    }
    return subprocess.Popen(
        list(command),
        cwd=ROOT,
        env=environment | options.pop("env", {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        **options,
    )


def wait(process: subprocess.Popen[str], *, seconds: float = 300) -> Ended:
    """Wait for a process to end; one that does not is killed and is a fault."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill_group(process)
        raise Fault(f"{process.args} did not end within {seconds} seconds") from None
    return Ended(process.returncode, out, err)


def kill_group(process: subprocess.Popen[str]) -> Ended:
    """End a process and all that it started, as `kill -9` does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    out, err = process.communicate()
    return Ended(process.returncode, out, err)

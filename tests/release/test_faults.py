"""A publication may stop at any step, for real: the old release serves, the next one heals."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.hashes import hash_file
from orchestration.release import Release, settle
from orchestration.settings import ROOT
from tests.release.conftest import NOON

# Runs in a process of its own, which ends as `kill -9` ends one, before or after a step.
_KILLED = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from orchestration import release
from tests.release.conftest import NOON, make_origin

step, when, warehouse = sys.argv[1], sys.argv[2], Path(sys.argv[3])
holder = release if hasattr(release, step) else release.os
original = getattr(holder, step)

def die(*arguments, **options):
    if when == "after":
        original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(holder, step, die)
release.publish_release(
    warehouse / "work" / "gigaledger.duckdb", warehouse, make_origin(), now=NOON + timedelta(hours=1)
)
"""

_BEFORE_THE_SWAP = (
    "_attach",
    "_copy_tables",
    "_copy_macros",
    "_complete_audit",
    "_write_history",
    "_write_parquet",
    "_write_manifest",
    "_sync_tree",
    "rename",
)


def _publish_and_die(warehouse: Path, step: str, when: str) -> None:
    command = [sys.executable, "-c", _KILLED, step, when, str(warehouse)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr


def _read_ids(file: Path) -> list[str]:
    with duckdb.connect(file, read_only=True) as connection:
        rows = connection.execute("select release_id from audit.release order by 1").fetchall()
        assert connection.execute("select count(*) from core.dim_deal").fetchone() == (2,)
    return [row[0] for row in rows]


def _require_whole(warehouse: Path, ids: list[str]) -> None:
    """Fail unless the file, the link and the folder of releases tell of the same releases."""
    assert _read_ids(warehouse / "gigaledger.duckdb") == ids
    assert sorted(path.name for path in (warehouse / "releases").iterdir()) == ids
    assert (warehouse / "parquet").readlink() == Path("releases") / ids[-1] / "parquet"
    manifest = json.loads((warehouse / "releases" / ids[-1] / "manifest.json").read_text())
    for name, sha256 in manifest["files"].items():
        assert hash_file(warehouse / "releases" / ids[-1] / name) == sha256
    leftovers = {path.name for path in warehouse.iterdir()}
    assert leftovers == {"gigaledger.duckdb", "parquet", "releases", "work"}


@pytest.mark.parametrize("step", _BEFORE_THE_SWAP)
def test_a_kill_before_the_swap_leaves_the_old_release(
    publish: Callable[..., Release], warehouse: Path, step: str
) -> None:
    first = publish()

    _publish_and_die(warehouse, step, "after")

    assert _read_ids(first.file) == [first.release_id]
    next_one = publish()
    _require_whole(warehouse, [first.release_id, next_one.release_id])


def test_a_kill_in_the_midst_of_the_swap_leaves_one_of_the_two(
    publish: Callable[..., Release], warehouse: Path
) -> None:
    first = publish()

    _publish_and_die(warehouse, "replace", "before")
    assert _read_ids(first.file) == [first.release_id]

    settle(warehouse)
    _publish_and_die(warehouse, "replace", "after")
    ids = _read_ids(first.file)
    assert len(ids) == 2

    settle(warehouse)
    _require_whole(warehouse, ids)


def test_a_kill_after_the_swap_is_mended_by_the_next_refresh(
    publish: Callable[..., Release], warehouse: Path
) -> None:
    publish()

    _publish_and_die(warehouse, "_swap_in", "after")
    ids = _read_ids(warehouse / "gigaledger.duckdb")
    assert len(ids) == 2

    next_one = publish(now=NOON + timedelta(hours=2))
    _require_whole(warehouse, [*ids, next_one.release_id])


@pytest.mark.parametrize("limit", [4_096, 900_000])
def test_a_full_disk_leaves_the_old_release(
    publish: Callable[..., Release], warehouse: Path, limit: int
) -> None:
    first = publish()
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "sys.argv = ['x', 'no_such_step', 'never', sys.argv[1]]\n"
        + _KILLED.replace("original = getattr(holder, step)", "original = None")
    )

    ended = subprocess.run(
        [sys.executable, "-c", code, str(warehouse)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1, ended.stderr
    assert _read_ids(first.file) == [first.release_id]
    next_one = publish()
    _require_whole(warehouse, [first.release_id, next_one.release_id])


def test_a_reader_that_stays_sees_its_release_until_it_opens_anew(
    publish: Callable[..., Release], warehouse: Path
) -> None:
    first = publish()
    with first.file.open("rb") as reader:
        before = reader.read(8_192)
        publish()
        reader.seek(0)
        assert reader.read(8_192) == before

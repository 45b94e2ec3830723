"""An earlier release is given to readers again: whole or not at all, and with a note of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.hashes import hash_file
from orchestration.release import (
    Release,
    ReleaseError,
    publish_release,
    read_release_id,
    settle,
)
from orchestration.releases.__main__ import main
from orchestration.releases.catalog import find_before, list_releases
from orchestration.releases.log import LOG_NAME, Rollback, read_log
from orchestration.releases.rollback import roll_back
from orchestration.settings import ROOT
from tests.release.conftest import NOON, make_origin, make_warehouse

Publish = Callable[..., Release]


def _ask(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(query).fetchall()


def _roll_back(warehouse: Path, release: Release, hours: int = 2) -> Rollback:
    now = NOON + timedelta(hours=hours)
    return roll_back(
        warehouse, release.release_id, published_by="ada", reason="wrong unit", now=now
    )


def _require_given(warehouse: Path, release: Release) -> None:
    """Fail unless readers have a release, as file and as Parquet, byte for byte."""
    copy = warehouse / "releases" / release.release_id
    assert hash_file(warehouse / "gigaledger.duckdb") == hash_file(copy / "gigaledger.duckdb")
    assert (warehouse / "parquet").resolve() == (copy / "parquet").resolve()
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    for name, sha256 in manifest["files"].items():
        assert hash_file(copy / name) == sha256
    assert not list(warehouse.rglob(".next-*"))


@pytest.fixture(scope="session")
def exchanged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release, Release]:
    """A warehouse of two releases; the second has a deal more in its records, and a larger one."""
    folder = make_warehouse(tmp_path_factory.mktemp("two") / "warehouse")
    work = folder / "work" / "gigaledger.duckdb"
    first = publish_release(work, folder, make_origin(), now=NOON)
    with duckdb.connect(work) as connection:
        connection.execute(
            """
            insert into raw_ledger.deal values ('nvidia', 'NVIDIA', 'deals/nvidia.yml', 1);
            update core.dim_deal set capacity_gw_base = 7 where deal_id = 'amd';
            update marts.capacity_by_customer set gross_gw_base = 11.5;
            """
        )
    later = NOON + timedelta(hours=1)
    return folder, first, publish_release(work, folder, make_origin(), now=later)


@pytest.fixture
def two(exchanged: tuple[Path, Release, Release], warehouse: Path) -> tuple[Release, Release]:
    """The two releases, in a warehouse of their own for one test."""
    folder, first, second = exchanged
    shutil.rmtree(warehouse)
    shutil.copytree(folder, warehouse, symlinks=True)
    file = warehouse / "gigaledger.duckdb"
    return replace(first, file=file), replace(second, file=file)


def test_readers_are_given_the_earlier_release_byte_for_byte(
    two: tuple[Release, Release], warehouse: Path
) -> None:
    first, second = two

    rollback = _roll_back(warehouse, first)

    _require_given(warehouse, first)
    assert _ask(first.file, "select max(capacity_gw_base) from core.dim_deal")[0][0] == 6
    assert read_log(warehouse / "releases") == [rollback]
    assert (rollback.replaced, rollback.published_by) == (second.release_id, "ada")
    current = [release.is_current for release in list_releases(warehouse)]
    assert current == [False, True]


def test_the_next_release_tells_of_the_rollback_and_loses_no_history(
    two: tuple[Release, Release], warehouse: Path, publish: Publish
) -> None:
    first, second = two
    _roll_back(warehouse, first)

    third = publish(now=NOON + timedelta(hours=3))

    ids = [first.release_id, second.release_id, first.release_id, third.release_id]
    rows = _ask(
        third.file,
        "select release_id, published_at, rolled_back_from, published_by, reason"
        " from audit.release order by published_at",
    )
    assert [row[0] for row in rows] == ids
    assert rows[2][1:] == (datetime(2026, 11, 25, 14), second.release_id, "ada", "wrong unit")
    assert all(row[2:] == (None, None, None) for row in (rows[0], rows[1], rows[3]))
    seen = "select first_seen_release, last_seen_release from audit.record_history"
    assert _ask(third.file, f"{seen} where record_id = 'nvidia'") == [
        (second.release_id, third.release_id)
    ]
    # What moved is said against what readers had, which was the first release again.
    assert third.changes["from"] == first.release_id
    assert find_before(warehouse, third.release_id) == first.release_id
    assert third.changes["figures_moved"] > 0


def test_rollbacks_in_a_row_all_stand_in_the_next_release(
    two: tuple[Release, Release], warehouse: Path, publish: Publish
) -> None:
    first, second = two
    # Each later than the last, though the clock stands still.
    _roll_back(warehouse, first, hours=1)
    _roll_back(warehouse, second, hours=1)
    _roll_back(warehouse, first, hours=1)

    third = publish(now=NOON + timedelta(hours=1))

    rows = _ask(third.file, "select release_id from audit.release order by published_at")
    ids = [first, second, first, second, first, third]
    assert rows == [(release.release_id,) for release in ids]


def test_a_damaged_copy_is_refused_and_readers_keep_what_they_have(
    two: tuple[Release, Release], warehouse: Path
) -> None:
    first, second = two
    parquet = warehouse / "releases" / first.release_id / "parquet" / "dim_deal.parquet"
    content = bytearray(parquet.read_bytes())
    content[len(content) // 2] ^= 1
    parquet.write_bytes(content)

    with pytest.raises(ReleaseError, match="damaged; choose another:\n  parquet/dim_deal.parquet"):
        _roll_back(warehouse, first)

    _require_given(warehouse, second)
    assert not read_log(warehouse / "releases")


def test_what_readers_have_already_is_refused(
    two: tuple[Release, Release], warehouse: Path
) -> None:
    with pytest.raises(ReleaseError, match="what readers have already"):
        _roll_back(warehouse, two[1])


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_published_file_is_mended_by_its_own_copy(
    two: tuple[Release, Release], warehouse: Path, publish: Publish, damage: str
) -> None:
    first, second = two
    content = bytearray(second.file.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        second.file.unlink()
    else:
        second.file.write_bytes(content if damage == "flipped" else content[:5_000])

    _roll_back(warehouse, second)

    _require_given(warehouse, second)
    third = publish(now=NOON + timedelta(hours=3))
    rows = _ask(third.file, "select release_id from audit.release order by published_at")
    ids = [first, second, second, third]
    assert rows == [(release.release_id,) for release in ids]


# Runs in a process of its own, which ends as `kill -9` ends one, before or after a step.
_KILLED = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from orchestration import release
from orchestration.releases import log
from orchestration.releases.rollback import roll_back
from tests.release.conftest import NOON

module, step, when, warehouse, release_id = sys.argv[1:]
holder = {"release": release, "log": log}[module]
original = getattr(holder, step)

def die(*arguments, **options):
    if when == "after":
        original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(holder, step, die)
roll_back(Path(warehouse), release_id, published_by="ada", reason=None, now=NOON + timedelta(hours=2))
"""


@pytest.mark.parametrize(
    ("module", "step", "when", "is_given"),
    [
        ("log", "begin", "before", False),
        ("log", "begin", "after", False),
        ("release", "_swap_in", "before", False),
        ("release", "_swap_in", "after", True),
        ("release", "_point", "before", True),
    ],
)
def test_a_kill_leaves_one_of_the_two_releases_and_a_log_that_agrees(
    two: tuple[Release, Release],
    warehouse: Path,
    module: str,
    step: str,
    when: str,
    is_given: bool,
) -> None:
    first, second = two
    command = [sys.executable, "-c", _KILLED, module, step, when, str(warehouse), first.release_id]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == -9, ended.stderr
    given = first if is_given else second
    assert read_release_id(given.file) == given.release_id
    settle(warehouse)
    _require_given(warehouse, given)
    assert len(read_log(warehouse / "releases")) == is_given


_READER = """
import sys, select, duckdb
count = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    with duckdb.connect(sys.argv[1], read_only=True) as connection:
        total, = connection.execute("select sum(capacity_gw_base) from core.dim_deal").fetchone()
        shown, = connection.execute("select gross_gw_base from capacity_as_of(current_date)").fetchone()
        assert float(total) == float(shown) and float(total) in (10.5, 11.5)
    count += 1
    if count == 1:
        print("reading", flush=True)
print(count)
"""


def test_readers_in_another_process_never_fail_while_releases_are_exchanged(
    two: tuple[Release, Release], warehouse: Path
) -> None:
    command = [sys.executable, "-c", _READER, str(two[0].file)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as reader:  # type: ignore[call-overload]
        assert reader.stdout.readline() == "reading\n"
        for number in range(6):
            _roll_back(warehouse, two[number % 2])
        out, err = reader.communicate("stop\n", timeout=30)

    assert reader.returncode == 0, err
    assert int(out) > 1


def test_the_command_names_the_release_the_person_and_the_reason(
    two: tuple[Release, Release],
    warehouse: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = two
    monkeypatch.setenv("GIGALEDGER_WAREHOUSE", str(warehouse))

    assert (
        main(["rollback", "--release", "20261125T12", "--by", "ada", "--why", "a wrong unit"]) == 0
    )

    told = capsys.readouterr().out
    assert f"{first.release_id} in place of {second.release_id}, by ada (a wrong unit)" in told
    entry = json.loads((warehouse / "releases" / LOG_NAME).read_text(encoding="utf-8"))
    assert entry["reason"] == "a wrong unit" and entry["rolled_back_at"].endswith("Z")

    assert main(["list"]) == 0
    told = capsys.readouterr().out
    assert f"{first.release_id}  <- what readers have" in told
    assert "by ada (a wrong unit)" in told

    assert main(["rollback", "--release", "2030"]) == 1
    assert f"begins with '2030'; there are {first.release_id}" in capsys.readouterr().err
    assert main(["rollback", "--release", "2026"]) == 1
    assert "several releases begin with '2026'" in capsys.readouterr().err


def test_a_history_that_cannot_be_read_is_told_and_one_that_is_gone_is_done_without(
    two: tuple[Release, Release], warehouse: Path, publish: Publish
) -> None:
    first, second = two
    _roll_back(warehouse, first)
    copy = warehouse / "releases" / second.release_id
    (copy / "gigaledger.duckdb").chmod(0o644)
    (copy / "gigaledger.duckdb").write_text("cut", encoding="utf-8")

    with pytest.raises(ReleaseError, match="delete its folder to go on without that history"):
        publish(now=NOON + timedelta(hours=3))
    _require_given(warehouse, first)

    shutil.rmtree(copy)
    third = publish(now=NOON + timedelta(hours=3))
    rows = _ask(third.file, "select release_id from audit.release order by published_at")
    assert rows == [(release.release_id,) for release in (first, first, third)]

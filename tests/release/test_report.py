"""The report is a file of its release like any other, and readers find the one that they have."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from orchestration.hashes import hash_file
from orchestration.release import REPORT, Release, ReleaseError, publish_release, read_release_id
from orchestration.releases.rollback import roll_back
from orchestration.releases.verify import verify_release
from orchestration.report.__main__ import main
from tests.release.conftest import NOON, make_origin

Write = Callable[[DuckDBPyConnection, Path], object]


def _write(connection: DuckDBPyConnection, folder: Path) -> None:
    folder.mkdir()
    row = connection.execute("select max(release_id) from audit.check_result").fetchone()
    assert row is not None
    (folder / "index.html").write_text(row[0], encoding="utf-8")


def _fail(connection: DuckDBPyConnection, folder: Path) -> None:
    _write(connection, folder)
    raise OSError("no space left on device")


@pytest.fixture
def publish(warehouse: Path) -> Callable[..., Release]:
    def run(write: Write | None = _write, hour: int = 0) -> Release:
        return publish_release(
            warehouse / "work" / "gigaledger.duckdb",
            warehouse,
            make_origin(),
            now=NOON + timedelta(hours=hour),
            write_report=write,
        )

    return run


def _read(warehouse: Path) -> str:
    return (warehouse / REPORT / "index.html").read_text(encoding="utf-8")


def test_report_is_of_the_release_and_its_hash_is_stated(
    publish: Callable[..., Release], warehouse: Path
) -> None:
    release = publish()

    assert _read(warehouse) == release.report.read_text(encoding="utf-8") == release.release_id
    assert (warehouse / REPORT).readlink() == Path("releases") / release.release_id / REPORT
    manifest = json.loads((release.report.parents[1] / "manifest.json").read_text("utf-8"))
    assert manifest["files"]["report/index.html"] == hash_file(release.report)
    release.report.write_text("forged", encoding="utf-8")
    (damage,) = verify_release(warehouse, release.release_id, ledger_dir=warehouse).damage
    assert damage.startswith("report/index.html: has another hash")


def test_without_its_report_no_release_is_published(
    publish: Callable[..., Release], warehouse: Path
) -> None:
    first = publish()

    with pytest.raises(OSError, match="no space left"):
        publish(_fail, hour=1)

    assert read_release_id(first.file) == _read(warehouse) == first.release_id
    assert [path.name for path in (warehouse / "releases").iterdir()] == [first.release_id]


def test_a_rollback_gives_readers_the_report_of_its_release(
    publish: Callable[..., Release], warehouse: Path
) -> None:
    first, second = publish(), publish(hour=1)
    assert _read(warehouse) == second.release_id

    about: dict[str, Any] = {"published_by": "ada", "reason": "a wrong unit"}
    roll_back(warehouse, first.release_id, now=NOON + timedelta(hours=2), **about)

    assert _read(warehouse) == first.release_id


def test_no_report_is_shown_of_a_release_that_has_none(
    publish: Callable[..., Release], warehouse: Path
) -> None:
    publish()
    publish(None, hour=1)

    assert not (warehouse / REPORT).is_symlink()


def test_what_stands_where_the_link_belongs_is_left_alone(
    publish: Callable[..., Release], warehouse: Path
) -> None:
    (warehouse / REPORT).mkdir()

    with pytest.raises(ReleaseError, match="report is in the way"):
        publish()

    assert not (warehouse / "gigaledger.duckdb").exists()


def test_the_verb_says_where_it_lies(
    publish: Callable[..., Release],
    warehouse: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GIGALEDGER_WAREHOUSE", str(warehouse))
    assert main([]) == 1
    assert "run `make refresh` first" in capsys.readouterr().err
    publish()
    assert main([]) == 0
    assert capsys.readouterr().out == f"{warehouse / REPORT / 'index.html'}\n"

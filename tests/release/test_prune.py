"""Old releases go by a stated policy, and never one that is needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration import steps
from orchestration.release import Release
from orchestration.releases.catalog import list_ids
from orchestration.releases.prune import list_kept, prune
from orchestration.releases.rollback import roll_back
from orchestration.settings import read_settings
from tests.release.conftest import NOON

Publish = Callable[..., Release]


def test_the_latest_and_the_last_of_each_month_are_kept(tmp_path: Path) -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    ids = [f"{day + timedelta(days=number):%Y%m%dT%H%M%SZ}-00000000" for number in range(100)]

    kept = sorted(list_kept(tmp_path, ids, 3))

    days = [release_id[4:8] for release_id in kept]
    assert days == ["0131", "0228", "0331", "0408", "0409", "0410"]


def test_what_readers_have_and_what_a_rollback_names_is_kept(
    publish: Publish, warehouse: Path
) -> None:
    releases = [publish(now=NOON + timedelta(hours=number)) for number in range(5)]
    ids = [release.release_id for release in releases]
    roll_back(warehouse, ids[1], published_by="ada", reason=None)

    assert prune(warehouse, 2) == [ids[0], ids[2]]

    assert list_ids(warehouse) == [ids[1], ids[3], ids[4]]
    # Who reads the Parquet files reads on.
    assert (warehouse / "parquet" / "dim_deal.parquet").exists()
    assert publish(now=NOON + timedelta(days=1)).changes["from"] == ids[1]


def _make_folders(warehouse: Path, days: int) -> list[str]:
    """Make the bare folders of releases, a day apart in one month."""
    ids = [f"202611{day:02}T120000Z-00000000" for day in range(1, days + 1)]
    for release_id in ids:
        (warehouse / "releases" / release_id).mkdir(parents=True)
    return ids


def test_all_are_kept_when_all_is_said(tmp_path: Path) -> None:
    ids = _make_folders(tmp_path, 4)

    assert prune(tmp_path, None) == []
    assert list_ids(tmp_path) == ids


def test_what_is_no_release_is_left_alone_and_half_a_deletion_is_completed(tmp_path: Path) -> None:
    ids = _make_folders(tmp_path, 4)
    releases = tmp_path / "releases"
    (releases / "my-notes").mkdir()
    # As a machine leaves it that stops in the midst of a deletion.
    (releases / ids[0]).rename(releases / f".pruned-{ids[0]}")

    assert prune(tmp_path, 2) == [ids[1]]

    assert sorted(path.name for path in releases.iterdir()) == [*ids[2:], "my-notes"]


def test_a_deletion_that_fails_is_told_and_fails_nothing(
    tmp_path: Path,
) -> None:
    _make_folders(tmp_path, 1)
    settings = read_settings({"GIGALEDGER_WAREHOUSE": str(tmp_path)})
    leftover = tmp_path / "releases" / ".pruned-x"
    # A file where a folder is expected cannot be deleted as one, whoever tries.
    leftover.write_text("", encoding="utf-8")
    told: list[str] = []

    steps.prune_releases(settings, told.append)

    assert told and "the next refresh tries again" in told[0]

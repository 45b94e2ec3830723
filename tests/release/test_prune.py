"""Old releases go by a stated policy, and never one that is needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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
    releases = [publish(now=NOON + timedelta(hours=number)) for number in range(6)]
    ids = [release.release_id for release in releases]
    roll_back(warehouse, ids[1], published_by="ada", reason=None)

    assert prune(warehouse, 2) == [ids[0], ids[2], ids[3]]

    assert list_ids(warehouse) == [ids[1], ids[4], ids[5]]
    # Who reads the Parquet files reads on.
    assert (warehouse / "parquet" / "dim_deal.parquet").exists()
    assert publish(now=NOON + timedelta(days=1)).changes["from"] == ids[1]


def test_all_are_kept_when_all_is_said(publish: Publish, warehouse: Path) -> None:
    for number in range(3):
        publish(now=NOON + timedelta(hours=number))

    assert prune(warehouse, None) == []
    assert len(list_ids(warehouse)) == 3


def test_what_is_no_release_is_left_alone_and_half_a_deletion_is_completed(
    publish: Publish, warehouse: Path
) -> None:
    for number in range(3):
        publish(now=NOON + timedelta(hours=number))
    ids = list_ids(warehouse)
    mine = warehouse / "releases" / "my-notes"
    mine.mkdir()
    # As a machine leaves it that stops in the midst of a deletion.
    (warehouse / "releases" / ids[0]).rename(warehouse / "releases" / f".pruned-{ids[0]}")

    assert prune(warehouse, 2) == []

    assert sorted(path.name for path in (warehouse / "releases").iterdir()) == [
        *ids[1:],
        "my-notes",
    ]


def test_a_deletion_that_fails_is_told_and_fails_nothing(
    publish: Publish, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    settings = read_settings({"GIGALEDGER_WAREHOUSE": str(warehouse)})
    leftover = warehouse / "releases" / ".pruned-x"
    # A file where a folder is expected cannot be deleted as one, whoever tries.
    leftover.write_text("", encoding="utf-8")
    told: list[str] = []

    steps.prune_releases(settings, told.append)

    assert told and "the next refresh tries again" in told[0]

"""When each record was seen, and which release stood on a day: docs/releases.md asks both."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.hashes import hash_file
from orchestration.release import Release
from orchestration.releases.rollback import roll_back
from orchestration.settings import ROOT
from tests.release.conftest import NOON

Publish = Callable[..., Release]
ChangeWork = Callable[[str], None]

_ADD = "insert into raw_ledger.deal values ('nvidia', 'NVIDIA', 'deals/nvidia.yml', 1)"
_REMOVE = "delete from raw_ledger.deal where deal_id = 'nvidia'"
_CHANGE = "update raw_ledger.deal set title = 'AMD, corrected' where deal_id = 'amd'"
_CHANGE_BACK = "update raw_ledger.deal set title = 'AMD' where deal_id = 'amd'"


def _ask(file: Path, query: str, **values: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(query, values or None).fetchall()


@pytest.fixture
def five(publish: Publish, change_work: ChangeWork) -> list[Release]:
    """Releases, a day apart: as it was; a deal came; it went; it came back, another changed; back."""
    releases = [publish()]
    for day, changes in enumerate([[_ADD], [_REMOVE], [_ADD, _CHANGE], [_CHANGE_BACK]], start=1):
        for change in changes:
            change_work(change)
        releases.append(publish(now=NOON + timedelta(days=day)))
    return releases


def _list_versions(releases: list[Release], record_id: str) -> list[tuple[int, int]]:
    """Return the first and the last release of each version of a record, counted from 0."""
    places = {release.release_id: number for number, release in enumerate(releases)}
    rows = _ask(
        releases[-1].file,
        "select first_seen_release, last_seen_release from audit.record_version"
        " where record_id = $record_id order by first_seen_at",
        record_id=record_id,
    )
    return [(places[first], places[last]) for first, last in rows]


def test_every_version_of_a_record_has_its_run_of_releases(five: list[Release]) -> None:
    assert _list_versions(five, "oracle") == [(0, 4)]
    assert _list_versions(five, "nvidia") == [(1, 1), (3, 4)]
    assert _list_versions(five, "amd") == [(0, 2), (3, 3), (4, 4)]

    hashes = _ask(
        five[-1].file,
        "select content_hash from audit.record_version where record_id = 'amd'"
        " order by first_seen_at",
    )
    assert hashes[0] == hashes[2] != hashes[1]
    spans = _ask(
        five[-1].file,
        "select record_id, first_seen_release, last_seen_release, file"
        " from audit.record_history order by 1",
    )
    first, second, last = (five[number].release_id for number in (0, 1, 4))
    assert spans == [
        ("amd", first, last, "deals/amd.yml"),
        ("nvidia", second, last, "deals/nvidia.yml"),
        ("oracle", first, last, "deals/oracle.yml"),
    ]


def _read_query(heading: str) -> str:
    text = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
    found = re.search(rf"-- {heading}\n(.*?);\n```", text, flags=re.DOTALL)
    assert found, heading
    return found[1]


def test_the_documented_queries_answer_what_the_warehouse_said_on_a_day(
    five: list[Release], warehouse: Path, publish: Publish
) -> None:
    roll_back(
        warehouse, five[2].release_id, published_by="ada", reason="x", now=NOON + timedelta(days=5)
    )
    file = publish(now=NOON + timedelta(days=6)).file
    stood = _read_query("Which release stood at a moment").replace("2026-11-26 00:00:00", "{at}")
    said = _read_query("Which records it held, and which of them say the same today").replace(
        "2026-11-26 00:00:00", "{at}"
    )

    expected = [(0, {"amd", "oracle"}), (1, {"amd", "nvidia", "oracle"}), (2, {"amd", "oracle"}),
                (3, {"amd", "nvidia", "oracle"}), (4, {"amd", "nvidia", "oracle"}),
                (2, {"amd", "oracle"})]  # fmt: skip
    for day, (number, ids) in enumerate(expected):
        moment = datetime(2026, 11, 25, 18) + timedelta(days=day)
        assert _ask(file, stood.format(at=moment))[0][0] == five[number].release_id
        rows = _ask(file, said.format(at=moment))
        assert {row[1] for row in rows} == ids
        # The hash says which of them still say the same today.
        assert [row[1] for row in rows if not row[-1]] == (["amd"] if number == 3 else [])


def test_a_release_of_an_earlier_version_of_the_project_is_continued(
    publish: Publish, warehouse: Path
) -> None:
    first = publish()
    folder = warehouse / "releases" / first.release_id
    copy = folder / first.file.name
    copy.chmod(0o644)
    with duckdb.connect(copy) as connection:
        connection.execute("drop table audit.record_version")
        connection.execute("drop table audit.release_change")
        connection.execute("alter table audit.record_history drop column file")
        for column in ("rolled_back_from", "published_by", "reason"):
            connection.execute(f"alter table audit.release drop column {column}")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][first.file.name] = hash_file(copy)
    for entry in manifest["tables"]:
        del entry["key"], entry["rule_hash"]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    shutil.copyfile(copy, first.file)

    second = publish(now=NOON + timedelta(hours=1))

    assert _list_versions([first, second], "amd") == [(0, 1)]
    assert _ask(second.file, "select count(*) from audit.release") == [(2,)]
    assert second.changes["summary"] == "no figure moved"


def test_what_moved_stands_in_the_release_as_table_and_as_json(
    publish: Publish, change_work: ChangeWork, warehouse: Path
) -> None:
    first = publish()
    assert first.changes["summary"] == "the first release"
    change_work("update raw_ledger.deal_event set known_on = '2025-10-07' where deal_id = 'amd'")
    change_work("update core.dim_deal set capacity_gw_base = 7 where deal_id = 'amd'")
    change_work("update marts.capacity_by_customer set gross_gw_base = 11.5")
    second = publish(now=NOON + timedelta(hours=1))

    parquet = warehouse / "parquet" / "release_change.parquet"
    for relation in ("audit.release_change", f"read_parquet($${parquet}$$)"):
        rows = _ask(
            second.file,
            "select row_key, old_value, new_value, difference, cause, records"
            f" from {relation} where table_name = 'core.dim_deal'",
        )
        assert rows == [
            ('{"deal_id":"amd"}', "6.000000000", "7.000000000", 1.0, "correction",
             ["deal amd (correction)"])
        ]  # fmt: skip
    written = (warehouse / "releases" / second.release_id / "diff.json").read_text("utf-8")
    assert '"summary": "3 figures moved in 2 tables: 1 correction"' in written

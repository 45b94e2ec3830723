"""A release is complete, explains itself, and continues the one before it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.audit.results import AuditError, CheckResult, Severity, write_results
from orchestration.hashes import hash_file
from orchestration.history import CLOCK_TABLES
from orchestration.release import Release, ReleaseError, read_release_id
from tests.release.conftest import NOON, make_result

Publish = Callable[..., Release]
ChangeWork = Callable[[str], None]


def _ask(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(query).fetchall()


def _write_results(warehouse: Path, *results: CheckResult) -> None:
    with duckdb.connect(warehouse / "work" / "gigaledger.duckdb") as connection:
        write_results(connection, results)


def test_tables_macros_and_their_texts_are_published(publish: Publish, warehouse: Path) -> None:
    file = publish().file

    assert file == warehouse / "gigaledger.duckdb"
    assert _ask(file, "select deal_id from core.dim_deal") == [("amd",), ("oracle",)]
    assert _ask(file, "select gross_gw_base from capacity_as_of(current_date)")[0][0] == 10.5
    assert _ask(file, "select comment from duckdb_tables() where table_name = 'dim_deal'") == [
        ("One row per deal: the buyer's view.",)
    ]
    assert _ask(
        file, "select comment from duckdb_functions() where function_name = 'capacity_as_of'"
    ) == [("One row per customer: as known on the customer's day.",)]
    assert _ask(
        file, "select comment from duckdb_columns() where column_name = 'capacity_gw_base'"
    ) == [("Contracted capacity.",)]
    assert _ask(file, "select * from audit.quarantine") == [("deal", "typo")]


def test_file_is_of_a_version_that_older_readers_open(publish: Publish) -> None:
    file = publish().file

    version = _ask(file, "select tags['storage_version'] from duckdb_databases() limit 1")

    assert version == [("v1.2.0+",)]


def test_every_table_of_the_release_explains_itself(publish: Publish) -> None:
    unexplained = _ask(
        publish().file,
        "select table_name from duckdb_columns() where schema_name = 'audit'"
        " and table_name <> 'quarantine' and comment is null",
    )

    assert unexplained == []


def test_parquet_holds_what_the_tables_hold(publish: Publish, warehouse: Path) -> None:
    file = publish().file
    tables = _ask(
        file, "select table_schema, table_name from information_schema.tables order by all"
    )

    assert len(tables) == 11
    for schema, name in tables:
        parquet = warehouse / "parquet" / f"{name}.parquet"
        difference = f"(from {schema}.{name} except all from read_parquet($${parquet}$$))"
        assert _ask(file, f"select count(*) from {difference}") == [(0,)]
    assert len(list((warehouse / "parquet").iterdir())) == len(tables)


def test_manifest_names_inputs_tables_and_checks(publish: Publish, warehouse: Path) -> None:
    release = publish()
    folder = warehouse / "releases" / release.release_id
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))

    assert manifest["release_id"] == release.release_id
    assert release.release_id.startswith("20261125T120000Z-")
    assert manifest["published_at"] == "2026-11-25T12:00:00Z"
    assert manifest["inputs"][0]["path"] == "deals/oracle.yml"
    tables = {entry["table"]: entry for entry in manifest["tables"]}
    assert tables["core.dim_deal"]["row_count"] == 2
    assert {name for name, entry in tables.items() if entry["depends_on_clock"]} == {
        f"audit.{name}" for name in CLOCK_TABLES
    }
    checks = {check["check_name"]: check for check in manifest["checks"]}
    assert checks["equals capacity_as_of(today)"]["examined_rows"] == 1
    assert all(check["is_passed"] for check in checks.values())
    assert manifest["checks_declared"] == manifest["checks_executed"] == len(checks) == 5
    for path, sha256 in manifest["files"].items():
        assert hash_file(folder / path) == sha256


def test_the_immutable_copy_is_apart_from_the_published_file(
    publish: Publish, warehouse: Path
) -> None:
    release = publish()
    copy = warehouse / "releases" / release.release_id / "gigaledger.duckdb"

    assert hash_file(copy) == hash_file(release.file)
    assert copy.stat().st_ino != release.file.stat().st_ino
    assert copy.stat().st_mode & 0o222 == 0
    assert (warehouse / "parquet").readlink() == Path(f"releases/{release.release_id}/parquet")


def test_a_second_release_continues_the_history(publish: Publish, change_work: ChangeWork) -> None:
    first = publish()
    change_work("update raw_ledger.deal_event set known_on = '2025-07-22' where deal_id = 'oracle'")
    change_work("delete from raw_ledger.deal where deal_id = 'amd'")
    change_work("delete from raw_ledger.deal_event where deal_id = 'amd'")
    change_work("insert into raw_ledger.deal values ('nvidia', 'NVIDIA', 'deals/nvidia.yml', 1)")
    before = dict(_ask(first.file, "select record_id, content_hash from audit.record_history"))
    second = publish(now=NOON + timedelta(hours=1))

    assert _ask(second.file, "select release_id from audit.release order by published_at") == [
        (first.release_id,),
        (second.release_id,),
    ]
    history = _ask(
        second.file,
        "select record_id, first_seen_release, last_seen_release from audit.record_history"
        " order by 1",
    )
    assert history == [
        ("amd", first.release_id, first.release_id),
        ("nvidia", second.release_id, second.release_id),
        ("oracle", first.release_id, second.release_id),
    ]
    after = dict(_ask(second.file, "select record_id, content_hash from audit.record_history"))
    assert after["amd"] == before["amd"]
    assert after["oracle"] != before["oracle"]


def test_a_record_that_only_moved_to_another_line_is_the_same(
    publish: Publish, change_work: ChangeWork
) -> None:
    query = "select record_id, content_hash from audit.record_history order by 1"
    before = _ask(publish().file, query)
    change_work("update raw_ledger.deal set file = 'deals/renamed.yml', line = 9")

    assert _ask(publish().file, query) == before


def test_hashes_repeat_whatever_the_threads_and_the_order_of_rows(
    publish: Publish, change_work: ChangeWork
) -> None:
    first = publish(threads=1)
    change_work("create or replace table core.dim_deal as from core.dim_deal order by deal_id desc")
    second = publish(threads=2)

    steady = [table for table in first.tables if table.removeprefix("audit.") not in CLOCK_TABLES]
    assert len(steady) == 5
    for table in steady:
        assert first.tables[table] == second.tables[table], table
    assert first.release_id[-8:] == second.release_id[-8:]


@pytest.mark.parametrize(
    "change",
    [
        "update core.dim_deal set source_ids = ['c', 'x'] where deal_id = 'amd'",
        "update core.dim_deal set capacity_gw_base = 6.000000001 where deal_id = 'amd'",
        "update core.dim_deal set capacity_gw_base = null where deal_id = 'amd'",
        "insert into core.dim_deal from core.dim_deal",
        "alter table core.dim_deal rename capacity_gw_base to capacity_gw",
    ],
)
def test_any_change_of_a_table_changes_its_hash(
    publish: Publish, change_work: ChangeWork, change: str
) -> None:
    # The current tables follow the change, or the release would be refused.
    change_work(
        "create or replace macro capacity_as_of(d) as table from marts.capacity_by_customer"
    )
    before = publish().tables["core.dim_deal"]
    change_work(change)
    # Nor does the audit say that it looked at fewer rows than there are.
    change_work(
        "update audit.check_result set examined_rows = (select count(*) from core.dim_deal)"
    )

    assert publish().tables["core.dim_deal"] != before


def test_a_build_that_was_not_checked_is_not_published(
    publish: Publish, change_work: ChangeWork, warehouse: Path
) -> None:
    change_work("drop table audit.check_result")

    with pytest.raises(AuditError, match="not checked"):
        publish()

    assert not (warehouse / "gigaledger.duckdb").exists()


def test_a_check_that_went_missing_keeps_the_last_release(
    publish: Publish, change_work: ChangeWork, warehouse: Path
) -> None:
    change_work("delete from audit.check_result")

    with pytest.raises(AuditError, match="not_be_null.deal_id.: declared, but it did not run"):
        publish()

    assert not (warehouse / "gigaledger.duckdb").exists()


def test_a_failed_check_keeps_the_last_release(publish: Publish, warehouse: Path) -> None:
    first = publish()
    _write_results(warehouse, make_result(is_passed=False))

    with pytest.raises(AuditError, match=r"1 of 2 rows.*deal_id.*A deal has a name"):
        publish()

    assert _ask(first.file, "select release_id from audit.release") == [(first.release_id,)]
    assert [path.name for path in (warehouse / "releases").iterdir()] == [first.release_id]


def test_a_failed_warning_is_published_with_the_release(publish: Publish, warehouse: Path) -> None:
    _write_results(warehouse, make_result(is_passed=False, severity=Severity.WARN))

    file = publish().file

    assert _ask(file, "select checks_passed, checks_failed from audit.release") == [(4, 1)]
    assert _ask(file, "select failing_sample from audit.check_result where not is_passed") == [
        ('[{"deal_id": null}]',)
    ]


def test_a_macro_that_differs_from_its_table_is_not_published(
    publish: Publish, change_work: ChangeWork, warehouse: Path
) -> None:
    change_work("update marts.capacity_by_customer set gross_gw_base = 9")

    with pytest.raises(AuditError, match=r"2 of 1 rows.*only in capacity_as_of"):
        publish()

    failed = _ask(
        warehouse / "work" / "gigaledger.duckdb",
        "select check_name from audit.check_result where not is_passed",
    )
    assert failed == [("equals capacity_as_of(today)",)]


def test_a_macro_that_is_missing_is_not_published(
    publish: Publish, change_work: ChangeWork
) -> None:
    change_work("drop macro table loops_as_of")

    with pytest.raises(AuditError, match=r"loops_as_of.*did not run"):
        publish()


def test_what_is_no_release_is_never_replaced(publish: Publish, warehouse: Path) -> None:
    (warehouse / "gigaledger.duckdb").write_text("mine", encoding="utf-8")

    with pytest.raises(ReleaseError, match="no release that can be read"):
        publish()

    assert (warehouse / "gigaledger.duckdb").read_text(encoding="utf-8") == "mine"


def test_two_releases_of_one_second_have_two_ids(publish: Publish) -> None:
    first, second = publish(now=NOON), publish(now=NOON)

    assert first.release_id < second.release_id
    assert second.published_at == datetime(2026, 11, 25, 12, 0, 1)


def test_a_clock_that_was_put_back_hides_no_release(publish: Publish, warehouse: Path) -> None:
    later, earlier = publish(), publish(now=NOON - timedelta(days=1))

    assert read_release_id(earlier.file) == earlier.release_id
    assert (warehouse / "parquet").readlink().parts[1] == earlier.release_id
    releases = {path.name for path in (warehouse / "releases").iterdir()}
    assert releases == {earlier.release_id, later.release_id}

"""Publishes a checked work database: built aside, then put in place by one rename.

Every step before the rename leaves the last release as it was; every step after it is one that
`settle` completes, should the machine stop between them. No Dagster here.

    warehouse/gigaledger.duckdb          what readers open
    warehouse/parquet                    link to the Parquet files of that release
    warehouse/report                     link to the report of that release
    warehouse/releases/<release_id>/     the immutable copy: database, Parquet, manifest.json,
                                         data_docs, report
    warehouse/releases/.staging/         a release in the making
    warehouse/releases/.pending-<id>/    complete, about to become or having just become the release
    warehouse/releases/rollbacks.jsonl   which release was given to readers again, and why
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from orchestration import history
from orchestration.audit.as_of import check_as_of
from orchestration.audit.data_docs import FOLDER, Texts, write_data_docs
from orchestration.audit.dbt_tests import count_rows
from orchestration.audit.declared import Declared, require_complete
from orchestration.audit.results import (
    AuditError,
    CheckKind,
    CheckResult,
    append_results,
    read_results,
    require_passed,
)
from orchestration.hashes import InputFile, TableHash, combine_hashes, hash_file, hash_table
from orchestration.intact import DamagedError, find_intact_copy, require_intact
from orchestration.releases import diff, log
from sources.sql import quote_name, quote_text

# Readers with an older DuckDB inside open a file of this version.
STORAGE_VERSION = "v1.2.0"

PUBLISHED_SCHEMAS = ("core", "marts", "audit")

FILE_NAME = "gigaledger.duckdb"
MANIFEST_NAME = "manifest.json"
MANIFEST_HASH_NAME = "manifest.json.sha256"
DIFF_NAME = "diff.json"
REPORT = "report"
_PARQUET = "parquet"
# Folders of a release to which a link beside the published file leads; Parquet, by which `settle`
# tells whether all is done, comes last.
LINKED = (REPORT, _PARQUET)
_STAGING = ".staging"
_PENDING = ".pending-"

Progress = Callable[[str], None]
WriteReport = Callable[[DuckDBPyConnection, Path], object]
"""Writes the report into a folder, from the release that is the current database."""


class ReleaseError(Exception):
    """A release cannot be published; the message says what to do."""


@dataclass(frozen=True)
class Origin:
    """What a release is made from, for its manifest."""

    git_revision: str | None
    versions: Mapping[str, str]
    inputs: Sequence[InputFile]
    records: Mapping[str, str]
    """Raw table to the kind of record that its rows belong to."""
    declared: frozenset[Declared]
    """Every check that must have run."""
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Table to the columns that name its rows."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Table to the hash of the rules that it is made by."""
    check_texts: Texts = field(default_factory=dict)
    """What a check means, as far as its name does not say so."""

    @property
    def ledger_hash(self) -> str:
        """Hash of the paths and contents of all input files."""
        return combine_hashes(f"{item.path} {item.sha256}" for item in self.inputs)


@dataclass(frozen=True)
class Release:
    """A release that was published."""

    release_id: str
    published_at: datetime
    file: Path
    tables: Mapping[str, TableHash]
    results: Sequence[CheckResult]
    quarantined: int
    changes: Mapping[str, Any]
    """What diff.json holds: what moved since the release that readers had before."""

    @property
    def data_docs(self) -> Path:
        """The page on its checks."""
        return self.file.parent / "releases" / self.release_id / FOLDER / "index.html"

    @property
    def report(self) -> Path:
        """The page for readers, if one was written."""
        return self.file.parent / "releases" / self.release_id / REPORT / "index.html"


def publish_release(
    work_database: Path,
    warehouse_dir: Path,
    origin: Origin,
    *,
    now: datetime | None = None,
    threads: int = 2,
    write_report: WriteReport | None = None,
    progress: Progress | None = None,
) -> Release:
    """Publish the work database, if every check that stops a release held.

    Raises:
        AuditError: when it is not checked, or a check stops it.
        ReleaseError: when the warehouse folder is not as it must be.
    """
    say = progress or (lambda message: None)
    published_at = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0, tzinfo=None)
    releases = warehouse_dir / "releases"
    _require_sane(warehouse_dir)
    releases.mkdir(parents=True, exist_ok=True)
    settle(warehouse_dir)
    try:
        staging = releases / _STAGING
        staging.mkdir()
        with duckdb.connect(config={"threads": threads}) as connection:
            _attach(connection, work_database, warehouse_dir, staging / FILE_NAME)
            published_at = _find_free_second(connection, published_at, log.read_log(releases))
            row, hashes, results, changes = _fill(connection, origin, published_at, releases, say)
            say("write Parquet")
            _write_parquet(connection, staging, sorted(hashes))
            if write_report is not None:
                say("write the report")
                connection.execute(f"use {_RELEASE}")
                write_report(connection, staging / REPORT)
            connection.execute(f"use memory; checkpoint {_RELEASE}; detach {_RELEASE}")
        _write_json(staging / DIFF_NAME, changes)
        facts = {"published at": f"{published_at} UTC", "stands on": row.today}
        write_data_docs(staging / FOLDER, row.release_id, facts, results, origin.check_texts)
        _write_manifest(staging, row, hashes, results, origin)
        say("put it in place")
        _sync_tree(staging)
        pending = releases / f"{_PENDING}{row.release_id}"
        os.rename(staging, pending)
        _swap_in(pending / FILE_NAME, warehouse_dir)
    finally:
        settle(warehouse_dir)
    return Release(
        row.release_id,
        published_at,
        warehouse_dir / FILE_NAME,
        hashes,
        results,
        row.records_quarantined,
        changes,
    )


def _find_free_second(
    connection: DuckDBPyConnection, published_at: datetime, rollbacks: Sequence[log.Rollback]
) -> datetime:
    """Return the time of a release, moved on to a second that no release or rollback has."""
    previous = _find_history(connection)
    if previous is None:
        return published_at
    rows = connection.execute(f"select published_at from {previous}.audit.release").fetchall()
    taken = {row[0] for row in rows} | {rollback.rolled_back_at for rollback in rollbacks}
    while published_at in taken:
        published_at += timedelta(seconds=1)
    return published_at


def _find_history(connection: DuckDBPyConnection) -> str | None:
    """Return the attached database whose history goes on: the last release of a refresh.

    That is the published file, unless a rollback gave readers an earlier release again.
    """
    row = connection.execute(
        "select min(database_name) from duckdb_databases()"
        f" where database_name in ('{_LATEST}', 'previous')"
    ).fetchone()
    return row[0] if row else None


def _fill(
    connection: DuckDBPyConnection,
    origin: Origin,
    published_at: datetime,
    releases: Path,
    say: Progress,
) -> tuple[history.ReleaseRow, dict[str, TableHash], list[CheckResult], dict[str, Any]]:
    """Fill the staged file from the work database; return what it is and what it holds."""
    say("copy the published tables")
    tables = _copy_tables(connection)
    _copy_macros(connection)
    say("compare the macros, asked about today, with the current tables")
    results = _complete_audit(connection, origin.declared)
    say("hash every table")
    hashes = {table: hash_table(connection, table) for table in tables}
    content_hash = _combine(hashes)
    row = history.ReleaseRow(
        release_id=f"{published_at:%Y%m%dT%H%M%SZ}-{content_hash[:8]}",
        published_at=published_at,
        git_revision=origin.git_revision,
        today=_read_today(connection),
        ledger_hash=origin.ledger_hash,
        content_hash=content_hash,
        table_count=len(tables) + len(history.CLOCK_TABLES),
        row_count=sum(found.row_count for found in hashes.values()),
        checks_passed=sum(result.is_passed for result in results),
        checks_failed=sum(not result.is_passed for result in results),
        records_quarantined=_count(connection, "work.raw_ledger.quarantine"),
    )
    clock_tables = _write_history(connection, row, results, origin, log.read_log(releases))
    say("compare it with the release before")
    changes = _write_changes(connection, _describe(row, hashes, results, origin), releases)
    hashes |= {table: hash_table(connection, table) for table in clock_tables}
    return row, hashes, results, changes


_RELEASE = "gigaledger"
_LATEST = "latest"


def _require_sane(warehouse_dir: Path) -> None:
    for link in (warehouse_dir / name for name in LINKED):
        if link.exists() and not link.is_symlink():
            raise ReleaseError(
                f"{link} is in the way: a release puts a link there; move it elsewhere"
            )
    file = warehouse_dir / FILE_NAME
    if file.exists():
        _mend_published(file)
    if file.exists() and read_release_id(file) is None:
        raise ReleaseError(
            f"{file} is no release that can be read; move it away, or put back the copy that"
            f" stands under {warehouse_dir / 'releases'}"
        )


def _mend_published(file: Path) -> None:
    """Put the kept copy in the place of a damaged file: the next release continues its history."""
    try:
        require_intact(file)
    except DamagedError as error:
        # One that cannot say which release it is most likely is the one that the link leads to.
        link = file.parent / _PARQUET
        named = read_release_id(file) or link.resolve().parent.name
        copy = find_intact_copy(file, named)
        if copy is None:
            raise ReleaseError(
                f"{file} is damaged, and so is its copy, or there is none; move it away to publish"
                " without the history that it holds"
            ) from error
        _swap_in(copy, file.parent)


def read_release_id(file: Path) -> str | None:
    """Return the id of the release that a file holds; None when it holds none."""
    try:
        with duckdb.connect(file, read_only=True) as connection:
            # Not the latest of audit.release: a clock may have been put back.
            row = connection.execute("select max(release_id) from audit.check_result").fetchone()
    except duckdb.Error:
        return None
    return row[0] if row else None


def settle(warehouse_dir: Path) -> None:
    """Complete a publication that was cut short after its rename, and drop one cut short before.

    Whatever the published file says is the release is the release.
    """
    releases = warehouse_dir / "releases"
    shutil.rmtree(releases / _STAGING, ignore_errors=True)
    (warehouse_dir / f".next-{FILE_NAME}").unlink(missing_ok=True)
    file = warehouse_dir / FILE_NAME
    pendings = list(releases.glob(f"{_PENDING}*"))
    link = warehouse_dir / _PARQUET
    is_settled = not pendings and not log.is_begun(releases)
    if is_settled and (not file.exists() or _is_newer(link, file)):
        return
    release_id = read_release_id(file) if file.exists() else None
    log.settle(releases, file)
    for pending in pendings:
        if pending.name == f"{_PENDING}{release_id}":
            os.rename(pending, releases / str(release_id))
        else:
            shutil.rmtree(pending)
    _sync(releases)
    if release_id is None:
        return
    for name in LINKED:
        if (releases / release_id / name).is_dir():
            _point(warehouse_dir / name, Path("releases") / release_id / name)
        elif name == REPORT and (warehouse_dir / name).is_symlink():
            # It shows another release than the one that readers have.
            (warehouse_dir / name).unlink()


def _is_newer(link: Path, file: Path) -> bool:
    return link.is_symlink() and link.lstat().st_mtime_ns >= file.stat().st_mtime_ns


def _attach(
    connection: DuckDBPyConnection, work_database: Path, warehouse_dir: Path, staged: Path
) -> None:
    if not work_database.exists():
        raise AuditError(f"there is nothing to publish: {work_database} does not exist; refresh")
    connection.execute(f"attach {quote_text(str(work_database))} as work")
    connection.execute(
        f"attach {quote_text(str(staged))} as {_RELEASE} (storage_version '{STORAGE_VERSION}')"
    )
    previous = warehouse_dir / FILE_NAME
    if not previous.exists():
        return
    releases = warehouse_dir / "releases"
    standing = log.find_standing(releases, read_release_id(previous))
    connection.execute(f"attach {quote_text(str(previous))} as previous (read_only)")
    if standing and (latest := releases / standing.latest / FILE_NAME).exists():
        if read_release_id(latest) is None:
            raise ReleaseError(
                f"{latest} cannot be read, and it holds the history up to the rollback; delete its"
                " folder to go on without that history"
            )
        connection.execute(f"attach {quote_text(str(latest))} as {_LATEST} (read_only)")


def _copy_tables(connection: DuckDBPyConnection) -> list[str]:
    """Copy every published table, in a fixed order of rows, and return their names."""
    connection.execute(f"use {_RELEASE}")
    found = connection.execute(
        "select schema_name, table_name, sql, comment from duckdb_tables()"
        f" where database_name = 'work' and schema_name in {PUBLISHED_SCHEMAS}"
        " and not (schema_name = 'audit' and table_name in (select unnest(?)))"
        " order by schema_name, table_name",
        [list(history.CLOCK_TABLES)],
    ).fetchall()
    comments = connection.execute(
        "select schema_name, table_name, column_name, comment from duckdb_columns()"
        f" where database_name = 'work' and schema_name in {PUBLISHED_SCHEMAS}"
        " and comment is not null"
    ).fetchall()
    _refuse_same_name(name for _, name, *_ in found)
    for schema in PUBLISHED_SCHEMAS:
        connection.execute(f"create schema if not exists {schema}")
    names = []
    for schema, name, sql, comment in found:
        table = f"{schema}.{quote_name(name)}"
        connection.execute(sql)
        connection.execute(f"insert into {table} select * from work.{table} order by all")
        if comment:
            connection.execute(f"comment on table {table} is {quote_text(comment)}")
        names.append(f"{schema}.{name}")
    for schema, name, column, comment in comments:
        if f"{schema}.{name}" in names:
            connection.execute(
                f"comment on column {schema}.{quote_name(name)}.{quote_name(column)}"
                f" is {quote_text(comment)}"
            )
    return names


def _refuse_same_name(names: Iterable[str]) -> None:
    """Refuse two tables of one name in two schemas: they share a folder as Parquet files."""
    taken = set(history.CLOCK_TABLES)
    for name in names:
        if name in taken:
            raise ReleaseError(f"two published tables are named {name}; rename one of them")
        taken.add(name)


def _copy_macros(connection: DuckDBPyConnection) -> None:
    """Recreate the table macros while the release is the current database.

    The body of a macro is bound when it is created, so one that calls another comes after it.
    """
    waiting = connection.execute(
        "select function_name, parameters, macro_definition, comment from duckdb_functions()"
        " where database_name = 'work' and schema_name = 'main'"
        " and function_type = 'table_macro' order by function_name"
    ).fetchall()
    while waiting:
        refused: list[tuple[str, list[str], str, str | None]] = []
        reason: duckdb.Error | None = None
        for name, parameters, body, comment in waiting:
            arguments = ", ".join(map(quote_name, parameters))
            try:
                connection.execute(
                    f"create macro main.{quote_name(name)}({arguments}) as table {body}"
                )
            except duckdb.Error as error:
                refused.append((name, parameters, body, comment))
                reason = error
                continue
            if comment:
                connection.execute(
                    f"comment on macro table main.{quote_name(name)} is {quote_text(comment)}"
                )
        if len(refused) == len(waiting):
            raise ReleaseError(f"the macro {refused[0][0]} cannot be published: {reason}")
        waiting = refused


def _complete_audit(
    connection: DuckDBPyConnection, declared: frozenset[Declared]
) -> list[CheckResult]:
    """Add the checks of the staged file to those of the build, and refuse what did not hold."""
    connection.execute("use work")
    if read_results(connection) is None:
        raise AuditError("the build was not checked, so it is not published; refresh")
    connection.execute(f"use {_RELEASE}")
    identities = check_as_of(connection, _read_today(connection))
    connection.execute("use work")
    # A second release of one build replaces the first one's.
    connection.execute(
        "delete from audit.check_result where check_kind = ?", [CheckKind.IDENTITY.value]
    )
    append_results(connection, identities)
    results = read_results(connection) or []
    rows = count_rows(connection, {check.table_name for check in declared})
    connection.execute(f"use {_RELEASE}")
    require_passed(results)
    require_complete(declared, results, rows)
    return results


def _read_today(connection: DuckDBPyConnection) -> date:
    """Return the day on which the current tables stand, as the build took it."""
    row = connection.execute("select today from work.raw_ledger.build").fetchone()
    assert row is not None
    today: date = row[0]
    return today


def _write_history(
    connection: DuckDBPyConnection,
    row: history.ReleaseRow,
    results: Sequence[CheckResult],
    origin: Origin,
    rollbacks: Sequence[log.Rollback],
) -> list[str]:
    previous = _find_history(connection)
    history.create_tables(connection)
    history.write_releases(connection, row, previous=previous, rollbacks=rollbacks)
    history.write_check_results(connection, row.release_id, results)
    history.write_record_history(
        connection,
        work="work",
        previous=previous,
        release_id=row.release_id,
        published_at=row.published_at,
        records=origin.records,
    )
    received = _count(connection, "work.raw_ledger.input_count", "coalesce(sum(received), 0)")
    ledger = history.FeedStatus("ledger", "ledger", row.published_at, 0, received)
    feeds = _list_feeds(connection, row.published_at)
    history.write_feed_status(connection, [ledger, *feeds])
    return [f"audit.{name}" for name in history.CLOCK_TABLES]


def _list_feeds(connection: DuckDBPyConnection, published_at: datetime) -> list[history.FeedStatus]:
    """Return how fresh each feed is; a build of the ledger alone has none."""
    loaded = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'work'"
        " and schema_name = 'raw_feeds' and table_name = 'status'"
    ).fetchone()
    if not loaded:
        return []
    rows = connection.execute(
        "select feed, kind, fetched_at, greatest(date_sub('day', fetched_at, ?), 0),"
        " records, problem, attribution from work.raw_feeds.status order by feed",
        [published_at],
    ).fetchall()
    return [history.FeedStatus(*found) for found in rows]


def _write_parquet(connection: DuckDBPyConnection, staging: Path, tables: Sequence[str]) -> None:
    folder = staging / _PARQUET
    folder.mkdir()
    for table in tables:
        schema, name = table.split(".")
        path = quote_text(str(folder / f"{name}.parquet"))
        connection.execute(
            f"copy {schema}.{quote_name(name)} to {path} (format parquet, compression zstd)"
        )


def _write_changes(
    connection: DuckDBPyConnection, manifest: Mapping[str, Any], releases: Path
) -> dict[str, Any]:
    """Compare the staged file with what readers have now; return what diff.json holds."""
    new = diff.Side(_RELEASE, manifest)
    row = connection.execute(
        "select 1 from duckdb_databases() where database_name = 'previous'"
    ).fetchone()
    if row is None:
        return diff.describe_first(new)
    (release_id,) = connection.execute(
        "select max(release_id) from previous.audit.check_result"
    ).fetchall()[0]
    manifest_file = releases / release_id / MANIFEST_NAME
    old = diff.Side("previous", json.loads(manifest_file.read_text(encoding="utf-8")))
    changes = diff.compare(connection, old, new, most_rows=diff.MOST_ROWS_WHILE_PUBLISHING)
    history.write_changes(connection)
    return changes


def _describe(
    row: history.ReleaseRow,
    tables: Mapping[str, TableHash],
    results: Sequence[CheckResult],
    origin: Origin,
) -> dict[str, Any]:
    """Return the manifest of a release, but for its files."""
    return {
        "release_id": row.release_id,
        "published_at": f"{row.published_at.isoformat()}Z",
        "today": row.today.isoformat(),
        "git_revision": row.git_revision,
        "versions": dict(origin.versions),
        "content_hash": row.content_hash,
        "ledger_hash": row.ledger_hash,
        "records_quarantined": row.records_quarantined,
        "inputs": [asdict(item) for item in origin.inputs],
        "tables": [
            {
                "table": table,
                "row_count": found.row_count,
                "content_hash": found.content_hash,
                "depends_on_clock": table.removeprefix("audit.") in history.CLOCK_TABLES,
                "key": list(origin.keys.get(table, ())),
                "rule_hash": origin.rules.get(table),
            }
            for table, found in sorted(tables.items())
        ],
        "checks_declared": len(origin.declared),
        "checks_executed": sum(result.is_executed for result in results),
        "checks": [_as_json(result) for result in results],
    }


def _write_manifest(
    staging: Path,
    row: history.ReleaseRow,
    tables: Mapping[str, TableHash],
    results: Sequence[CheckResult],
    origin: Origin,
) -> None:
    files = {
        path.relative_to(staging).as_posix(): hash_file(path)
        for path in sorted(staging.rglob("*"))
        if path.is_file()
    }
    manifest = staging / MANIFEST_NAME
    _write_json(manifest, _describe(row, tables, results, origin) | {"files": files})
    # As sha256sum writes it, so that `sha256sum --check` reads it.
    (staging / MANIFEST_HASH_NAME).write_text(
        f"{hash_file(manifest)}  {MANIFEST_NAME}\n", encoding="utf-8"
    )


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def _as_json(result: CheckResult) -> dict[str, object]:
    entry = asdict(result)
    entry["failing_sample"] = json.loads(result.failing_sample or "[]")
    return entry


def _combine(tables: Mapping[str, TableHash]) -> str:
    return combine_hashes(
        f"{table} {found.content_hash}" for table, found in sorted(tables.items())
    )


def _count(connection: DuckDBPyConnection, relation: str, figure: str = "count(*)") -> int:
    row = connection.execute(f"select {figure} from {relation}").fetchone()
    assert row is not None
    return int(row[0])


def _swap_in(file: Path, warehouse_dir: Path) -> None:
    """Put a copy of a finished file where readers look: the one rename that publishes."""
    # A copy, not a link: whoever opens the published file for writing must not reach the archive.
    beside = warehouse_dir / f".next-{FILE_NAME}"
    shutil.copyfile(file, beside)
    _sync(beside)
    file.chmod(0o444)
    os.replace(beside, warehouse_dir / FILE_NAME)
    _sync(warehouse_dir)


def put_back(warehouse_dir: Path, rollback: log.Rollback) -> None:
    """Give readers an earlier release again, byte for byte, and enter it in the log.

    Stopped anywhere, what readers have and what the log says agree after the next `settle`.
    """
    releases = warehouse_dir / "releases"
    log.begin(releases, rollback)
    try:
        _swap_in(releases / rollback.release_id / FILE_NAME, warehouse_dir)
    finally:
        settle(warehouse_dir)


def _point(link: Path, target: Path) -> None:
    beside = link.with_name(f".next-{link.name}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    os.replace(beside, link)
    _sync(link.parent)


def _sync_tree(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        _sync(path)


def _sync(path: Path) -> None:
    """Have the disk hold a file or the names in a folder before anything builds on it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

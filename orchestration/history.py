"""The tables of `audit` that only a release can write: what was published, checked and seen.

Each is a continuation of the table of the same name in the last release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime

from duckdb import DuckDBPyConnection

from orchestration.audit.results import CHECK_RESULT_COLUMNS, CheckResult, insert_rows
from orchestration.hashes import row_hash
from orchestration.releases.diff import CAUSES, MOST_KEPT
from orchestration.releases.log import Rollback
from sources.sql import quote_name, quote_text


@dataclass(frozen=True)
class ReleaseRow:
    """One release, as `audit.release` tells it."""

    release_id: str
    published_at: datetime
    git_revision: str | None
    today: date
    ledger_hash: str
    content_hash: str
    table_count: int
    row_count: int
    checks_passed: int
    checks_failed: int
    records_quarantined: int
    rolled_back_from: str | None = None
    published_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class FeedStatus:
    """How fresh an input is."""

    feed: str
    kind: str
    fetched_at: datetime | None
    age_days: int | None
    records: int
    problem: str | None = None
    attribution: str | None = None


@dataclass(frozen=True)
class _Table:
    columns: str
    description: str
    texts: Mapping[str, str]


# What depends on the clock or on earlier releases; two refreshes of one input differ in them.
CLOCK_TABLES: dict[str, _Table] = {
    "release": _Table(
        """
        release_id varchar, published_at timestamp, git_revision varchar, today date,
        ledger_hash varchar, content_hash varchar, table_count integer, row_count bigint,
        checks_passed integer, checks_failed integer, records_quarantined bigint,
        rolled_back_from varchar, published_by varchar, reason varchar
        """,
        "One row per time that readers were given a release, up to this one: by a refresh, which"
        " makes a new one, or by a rollback, which gives an earlier one again. The release of a"
        " moment is that of the last row before it.",
        {
            "release_id": "UTC time of the release and the first eight digits of its content hash.",
            "published_at": "When readers were given it, in UTC.",
            "git_revision": "Commit of the project; ends in -dirty when files differed from it;"
            " null outside a repository.",
            "today": "Day on which its current tables stand.",
            "ledger_hash": "Hash of the paths and contents of all input files.",
            "content_hash": "Hash of all tables that do not depend on the clock.",
            "table_count": "Published tables.",
            "row_count": "Rows of all tables that do not depend on the clock.",
            "checks_passed": "Checks that held.",
            "checks_failed": "Checks that did not hold and only warn.",
            "records_quarantined": "Records refused; they stand in audit.quarantine.",
            "rolled_back_from": "The release that a rollback took back; null for a refresh.",
            "published_by": "Who rolled back; null for a refresh.",
            "reason": "Why, in the words of who rolled back; null for a refresh.",
        },
    ),
    "check_result": _Table(
        f"release_id varchar, {CHECK_RESULT_COLUMNS}",
        "One row per check of this release, those of dbt and of Great Expectations alike.",
        {
            "release_id": "The release that was checked.",
            "table_name": "Schema and name of the table checked.",
            "check_name": "Name of the check, unique within its table and kind.",
            "check_kind": "Where it is declared: expectation, dbt_test or identity.",
            "severity": "stop blocks a release, warn is only told.",
            "is_executed": "Whether the check ran; one that did not blocks the release.",
            "is_passed": "Whether the check held.",
            "examined_rows": "Rows that it looked at; null when it did not run.",
            "failed_rows": "Rows that broke it; null where it is not about single rows.",
            "failing_sample": "Keys and values of up to 20 rows that broke it, as JSON.",
            "message": "What was found; null when the check held and nothing is to be told.",
            "why": "The reason in the world for the check.",
        },
    ),
    "record_history": _Table(
        """
        record_kind varchar, record_id varchar, first_seen_release varchar,
        first_seen_at timestamp, last_seen_release varchar, last_seen_at timestamp,
        content_hash varchar, file varchar
        """,
        "One row per accepted record of the inputs that any release has seen.",
        {
            "record_kind": "Kind of record: deal, organization, document and so on.",
            "record_id": "Its id in the ledger.",
            "first_seen_release": "The first release that held it.",
            "first_seen_at": "When that was published, in UTC: when the warehouse took it in.",
            "last_seen_release": "The last release that held it.",
            "last_seen_at": "When that was published, in UTC.",
            "content_hash": "Hash of all that the record said when it was last seen.",
            "file": "The file that held it when it was last seen, within its input.",
        },
    ),
    "record_version": _Table(
        """
        record_kind varchar, record_id varchar, content_hash varchar, first_seen_release varchar,
        first_seen_at timestamp, last_seen_release varchar, last_seen_at timestamp
        """,
        "One row per record and unbroken run of releases in which it said the same. A record that"
        " was changed, or that went and came back, has several. The records of a release are those"
        " with first_seen_at <= its published_at <= last_seen_at.",
        {
            "record_kind": "Kind of record: deal, organization, document and so on.",
            "record_id": "Its id in the ledger.",
            "content_hash": "Hash of all that the record said.",
            "first_seen_release": "The first release of the run.",
            "first_seen_at": "When that was published, in UTC.",
            "last_seen_release": "The last release of the run.",
            "last_seen_at": "When that was published, in UTC.",
        },
    ),
    "release_change": _Table(
        """
        table_name varchar, row_key varchar, change varchar, column_name varchar,
        old_value varchar, new_value varchar, difference double, cause varchar, records varchar[]
        """,
        "One row per published value that differs from the release that readers had before this"
        f" one. Of a table the {MOST_KEPT:,} that moved most; diff.json beside the manifest counts"
        " all.",
        {
            "table_name": "Schema and name of the table.",
            "row_key": "The columns that name the row, as JSON.",
            "change": "changed, added or removed: what became of the row.",
            "column_name": "The column.",
            "old_value": "What it held, as text; null when there was no row or no value.",
            "new_value": "What it holds, as text.",
            "difference": "New less old, in the unit of the column; null where one is missing.",
            "cause": "; ".join(f"{cause}: {text}" for cause, text in CAUSES.items()) + ".",
            "records": "The changed records behind the row, up to ten: kind, id and what became of it.",
        },
    ),
    "feed_status": _Table(
        "feed varchar, kind varchar, fetched_at timestamp, age_days integer, records bigint,"
        " problem varchar, attribution varchar",
        "One row per input of this release.",
        {
            "feed": "Name of the input, as its folder under sources/.",
            "kind": "live, cached or bundled for a feed, none without data; ledger for the ledger.",
            "fetched_at": "When what was used had been read, in UTC; of several tables the oldest.",
            "age_days": "Whole days from then to the release.",
            "records": "Records received; of a feed those that are used.",
            "problem": "Why newer data is not used; null when nothing hindered it.",
            "attribution": "How the publisher wants to be named.",
        },
    ),
}


def create_tables(connection: DuckDBPyConnection) -> None:
    """Create the tables in the current database, described."""
    connection.execute("create schema if not exists audit")
    for name, table in CLOCK_TABLES.items():
        connection.execute(f"create table audit.{name} ({table.columns})")
        connection.execute(f"comment on table audit.{name} is {quote_text(table.description)}")
        for column, text in table.texts.items():
            connection.execute(f"comment on column audit.{name}.{column} is {quote_text(text)}")


def write_check_results(
    connection: DuckDBPyConnection, release_id: str, results: Sequence[CheckResult]
) -> None:
    """Write what the checks of this release found."""
    rows = [(release_id, *astuple(result)) for result in results]
    insert_rows(connection, "audit.check_result", rows)


def write_changes(connection: DuckDBPyConnection) -> None:
    """Write the figures that `diff.compare` found to have moved, from its temporary table."""
    connection.execute(
        f"""
        insert into audit.release_change
        select
            table_name, row_key::varchar, change, column_name, old_value, new_value, difference,
            cause, records
        from temp.main.moved
        where column_name is not null and place <= {MOST_KEPT}
        order by table_name, row_number, column_name
        """
    )


def write_feed_status(connection: DuckDBPyConnection, status: Sequence[FeedStatus]) -> None:
    """Write how fresh each input is."""
    insert_rows(connection, "audit.feed_status", [astuple(row) for row in status])


def write_releases(
    connection: DuckDBPyConnection,
    row: ReleaseRow,
    *,
    previous: str | None,
    rollbacks: Sequence[Rollback] = (),
) -> None:
    """Write this release after those that the database `previous` lists, and after rollbacks."""
    if previous is not None:
        # A release of an earlier version of the project has fewer columns.
        names = ", ".join(_list_shared_columns(connection, previous, "release"))
        connection.execute(
            f"insert into audit.release by name select {names}"
            f" from {previous}.audit.release order by published_at, release_id"
        )
    for rollback in rollbacks:
        connection.execute(
            """
            insert into audit.release by name
            select
                * replace (
                    $at as published_at, $replaced as rolled_back_from, $by as published_by,
                    $reason as reason
                )
            from audit.release
            where release_id = $release_id
                and $at not in (select published_at from audit.release)
            order by published_at limit 1
            """,
            {
                "at": rollback.rolled_back_at,
                "replaced": rollback.replaced,
                "by": rollback.published_by,
                "reason": rollback.reason,
                "release_id": rollback.release_id,
            },
        )
    insert_rows(connection, "audit.release", [astuple(row)])


def write_record_history(
    connection: DuckDBPyConnection,
    *,
    work: str,
    previous: str | None,
    release_id: str,
    published_at: datetime,
    records: Mapping[str, str],
) -> None:
    """Write when each record, and each version of it, was first and last seen.

    Args:
        connection: its current database is the release in the making.
        work: the attached database that holds the raw tables.
        previous: the attached last release, None for the first.
        release_id: the release in the making.
        published_at: its time.
        records: raw table to the kind of record that its rows belong to.
    """
    connection.execute(
        f"create or replace temp table seen_record as {select_records(connection, work, records)}"
    )
    this_release = {"release_id": release_id, "published_at": published_at}
    connection.execute(
        f"""
        insert into audit.record_history
        with earlier as ({_select_earlier(connection, previous, "record_history")})

        select
            coalesce(seen.record_kind, earlier.record_kind),
            coalesce(seen.record_id, earlier.record_id),
            coalesce(earlier.first_seen_release, $release_id),
            coalesce(earlier.first_seen_at, $published_at),
            if(seen.record_id is null, earlier.last_seen_release, $release_id),
            if(seen.record_id is null, earlier.last_seen_at, $published_at),
            coalesce(seen.content_hash, earlier.content_hash),
            coalesce(seen.file, earlier.file)
        from seen_record as seen
        full join earlier
            on seen.record_kind = earlier.record_kind
            and seen.record_id = earlier.record_id
        order by 1, 2
        """,
        this_release,
    )
    has_versions = previous and _list_shared_columns(connection, previous, "record_version")
    earlier = "record_version" if has_versions else "record_history"
    last = f"(select max(release_id) from {previous}.audit.check_result)" if previous else "null"
    connection.execute(
        f"""
        insert into audit.record_version
        with earlier as ({_select_earlier(connection, previous, earlier)})

        select
            coalesce(seen.record_kind, earlier.record_kind),
            coalesce(seen.record_id, earlier.record_id),
            coalesce(seen.content_hash, earlier.content_hash),
            coalesce(earlier.first_seen_release, $release_id),
            coalesce(earlier.first_seen_at, $published_at),
            if(seen.record_id is null, earlier.last_seen_release, $release_id),
            if(seen.record_id is null, earlier.last_seen_at, $published_at)
        from seen_record as seen
        full join earlier
            on seen.record_kind = earlier.record_kind
            and seen.record_id = earlier.record_id
            and seen.content_hash = earlier.content_hash
            and earlier.last_seen_release = {last}
        order by 1, 2, 5
        """,
        this_release,
    )


def _select_earlier(connection: DuckDBPyConnection, previous: str | None, table: str) -> str:
    """Return a query for a table of the last release, null where it lacks a column of today."""
    # Of the table in the making only the columns, for some rows may stand in it already.
    columns = f"(select * from audit.{table} limit 0)"
    if previous is None:
        return columns
    names = ", ".join(_list_shared_columns(connection, previous, table))
    return f"{columns} union all by name select {names} from {previous}.audit.{table}"


def _list_shared_columns(connection: DuckDBPyConnection, previous: str, table: str) -> list[str]:
    """Return the columns that a table of `audit` has now and had in an earlier release."""
    rows = connection.execute(
        "select column_name from duckdb_columns() where schema_name = 'audit' and table_name = ?"
        " and database_name in (?, current_database())"
        " group by column_name having count(*) = 2 order by min(column_index)",
        [table, previous],
    ).fetchall()
    return [name for (name,) in rows]


def select_records(connection: DuckDBPyConnection, work: str, records: Mapping[str, str]) -> str:
    """Return a query for the kind, id, content hash and file of every record of a work database."""
    rows = " union all ".join(
        _select_row_hashes(connection, work, table, kind) for table, kind in records.items()
    )
    rows = rows or "select '' as record_kind, '' as record_id, 0 as row_hash, '' as file limit 0"
    return (
        "select record_kind, record_id, md5(cast(sum(row_hash) as varchar)) as content_hash,"
        f" min(file) as file from ({rows}) group by record_kind, record_id"
    )


def _select_row_hashes(connection: DuckDBPyConnection, work: str, table: str, kind: str) -> str:
    """Return a query for the id and hash of each row of a raw table, its place left out.

    A record's rows stand in several tables; the table's name is hashed with them, so that a row
    cannot move from one to another unseen.
    """
    described = connection.execute(f"describe {work}.raw_ledger.{table}").fetchall()
    found = [str(row[0]) for row in described]
    columns = [name for name in found if name not in ("file", "line")]
    identity = quote_name(columns[0])
    file = "file" if "file" in found else "cast(null as varchar)"
    return (
        f"select {quote_text(kind)} as record_kind, cast({identity} as varchar) as record_id,"
        f" cast({row_hash(columns, label=table)} as hugeint) as row_hash, {file} as file"
        f" from {work}.raw_ledger.{table}"
    )

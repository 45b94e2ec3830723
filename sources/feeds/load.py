"""Fills the raw tables of the feeds from their snapshots; the network has no part in it.

What is good stands in `raw_<feed>.<table>`; `raw_feeds.snapshot` says what became of each snapshot,
`raw_feeds.quarantine` holds what was refused, and `raw_feeds.status` how fresh each feed is.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb
import yaml
from duckdb import DuckDBPyConnection

from sources.feeds.feed import Feed
from sources.feeds.forms import (
    Form,
    Profile,
    Rule,
    Table,
    require_like,
    require_mostly_good,
)
from sources.feeds.snapshots import Origin, RefusedError, Snapshot, Store, list_samples
from sources.sql import quote_name, quote_text

# Of feeds whose newest snapshot is used alone: so many are looked at to find a good one.
_LOOK_BACK = 10
_MAX_RAW_TEXT = 2_000

_SNAPSHOT = """
    snapshot_id varchar, feed varchar, raw_table varchar, form varchar, part varchar,
    address varchar, fetched_at timestamp, seen_at timestamp, origin varchar, byte_count bigint, licence varchar, attribution varchar,
    confidence varchar, received bigint, accepted bigint, quarantined bigint, is_used boolean,
    refused_rule varchar, message varchar
"""
_QUARANTINE = """
    feed varchar, raw_table varchar, snapshot_id varchar, record bigint, field varchar,
    rule varchar, raw_text varchar, message varchar, remedy varchar
"""
_STATUS = """
    feed varchar, kind varchar, fetched_at timestamp, records bigint, quarantined bigint,
    problem varchar, licence varchar, attribution varchar
"""
SHARED_TABLES = {"snapshot": _SNAPSHOT, "quarantine": _QUARANTINE, "status": _STATUS}
_PLACE = {
    "snapshot_id": "varchar",
    "record": "bigint",
    "as_of": "timestamp",
    "confidence": "varchar",
}


@dataclass
class FeedReport:
    """What became of a feed in one refresh."""

    feed: str
    kind: str
    """live, cached or bundled: the oldest of what its tables use; none without any data."""
    fetched_at: datetime | None
    """When the oldest of what its tables use was received."""
    accepted: int
    quarantined: int
    problems: list[str] = field(default_factory=list)
    """Why newer data is not used, and what was refused."""

    def age_days(self, now: datetime) -> int | None:
        """Return whole days since the data was received."""
        return None if self.fetched_at is None else max((now - self.fetched_at).days, 0)


def create_tables(connection: DuckDBPyConnection, feeds: Iterable[Feed]) -> None:
    """Create every raw table of the feeds, empty, in place of what was there."""
    connection.execute("create schema if not exists raw_feeds")
    for name, columns in SHARED_TABLES.items():
        connection.execute(f"create or replace table raw_feeds.{name} ({columns})")
    for feed in feeds:
        connection.execute(f"create schema if not exists {feed.schema}")
        for table in feed.tables:
            _create(connection, f"{feed.schema}.{table.name}", {**_PLACE, **table.columns})
        for name, curated in feed.curated.items():
            _create(connection, f"{feed.schema}.{name}", curated.columns)


def _create(connection: DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> None:
    described = ", ".join(f"{quote_name(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"create or replace table {table} ({described})")


def load_feed(
    connection: DuckDBPyConnection,
    feed: Feed,
    store: Store,
    work_dir: Path,
    *,
    live_since: datetime | None = None,
    problems: Sequence[str] = (),
) -> FeedReport:
    """Load one feed from its samples and kept snapshots; return what became of it.

    Args:
        connection: holds the tables of `create_tables`.
        feed: the feed.
        store: the kept snapshots.
        work_dir: a private folder for unpacked files; emptied.
        live_since: what was received since then is live, the rest cached.
        problems: what hindered the poll before.
    """
    _load_curated(connection, feed)
    candidates: dict[tuple[str, str], list[Snapshot]] = defaultdict(list)
    for snapshot in _list_snapshots(feed, store, live_since):
        form = feed.forms.get(snapshot.form)
        if form is None:
            problems = [*problems, f"{snapshot.path.name}: there is no form {snapshot.form}"]
            continue
        series = "" if form.table.is_one_series else snapshot.partition
        candidates[form.table.name, series].append(snapshot)
    work_dir.mkdir(parents=True, exist_ok=True)
    try:
        for (table_name, _), snapshots in sorted(candidates.items()):
            table = next(item for item in feed.tables if item.name == table_name)
            ordered = sorted(snapshots, key=lambda item: item.fetched_at)
            _load_part(connection, feed, table, ordered, work_dir)
    finally:
        shutil.rmtree(work_dir, ignore_errors=True)
    store.remember_good(feed.name, _list_good(connection, feed))
    report = _report(connection, feed, problems)
    _write_status(connection, feed, report)
    return report


def fail_feed(
    connection: DuckDBPyConnection, feed: Feed, reason: str, problems: Sequence[str]
) -> FeedReport:
    """Leave a feed's tables empty and tell why."""
    report = FeedReport(feed.name, "none", None, 0, 0, [*problems, reason])
    _write_status(connection, feed, report)
    return report


def _write_status(connection: DuckDBPyConnection, feed: Feed, report: FeedReport) -> None:
    connection.execute(
        "insert into raw_feeds.status values (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            feed.name,
            report.kind,
            report.fetched_at,
            report.accepted,
            report.quarantined,
            "; ".join(report.problems) or None,
            feed.licence,
            feed.attribution,
        ],
    )


def _list_snapshots(feed: Feed, store: Store, live_since: datetime | None) -> Iterable[Snapshot]:
    """Return the samples and the kept snapshots; one that is both has the time of the sample."""
    found = {
        (item.form, item.partition, item.sha256): item
        for item in list_samples(feed.name, feed.folder)
    }
    for item in store.list(feed.name, live_since=live_since):
        key = (item.form, item.partition, item.sha256)
        sample = found.get(key)
        found[key] = replace(item, fetched_at=sample.fetched_at) if sample else item
    return found.values()


def _list_good(connection: DuckDBPyConnection, feed: Feed) -> dict[tuple[str, str], str]:
    rows = connection.execute(
        "select form, part, snapshot_id from raw_feeds.snapshot"
        " where feed = ? and is_used and origin <> ? order by fetched_at",
        [feed.name, Origin.BUNDLED.value],
    ).fetchall()
    return {(form, part): sha256 for form, part, sha256 in rows}


def _load_curated(connection: DuckDBPyConnection, feed: Feed) -> None:
    for name, curated in feed.curated.items():
        path = feed.folder / curated.file
        rows = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)[name]
        marks = ", ".join("?" for _ in curated.columns)
        for row in rows:
            unknown = sorted(set(row) - set(curated.columns))
            if unknown:
                raise ValueError(f"{path}: unknown field {', '.join(unknown)}")
            connection.execute(
                f"insert into {feed.schema}.{name} values ({marks})",
                [row.get(column) for column in curated.columns],
            )


def _load_part(
    connection: DuckDBPyConnection,
    feed: Feed,
    table: Table,
    snapshots: Sequence[Snapshot],
    work_dir: Path,
) -> None:
    """Load the snapshots of one part of a table, the oldest first."""
    if not table.keeps_vintages:
        # The oldest too: it is what the others are first held against.
        snapshots = [*snapshots[:-_LOOK_BACK][:1], *snapshots[-_LOOK_BACK:]]
    before: Profile | None = None
    newest: Snapshot | None = None
    for snapshot in snapshots:
        try:
            profile = _load_snapshot(connection, feed, table, snapshot, before, newest, work_dir)
        except RefusedError as refused:
            _refuse(connection, feed, table, snapshot, refused)
            continue
        if not table.keeps_vintages and newest is not None:
            _set_aside(connection, feed, table, newest)
        before, newest = profile, snapshot


def _load_snapshot(
    connection: DuckDBPyConnection,
    feed: Feed,
    table: Table,
    snapshot: Snapshot,
    before: Profile | None,
    last_good: Snapshot | None,
    work_dir: Path,
) -> Profile:
    """Load one snapshot whole, or raise RefusedError and load nothing of it."""
    form = feed.forms[snapshot.form]
    _require_no_older(snapshot, last_good)
    content = form.open(snapshot, feed.limits.max_bytes)
    received = form.count(content)
    path = work_dir / snapshot.sha256
    path.write_bytes(content)
    _judge(connection, form, snapshot, path)
    read, accepted = connection.execute(
        "select count(*), count(*) filter (rule is null) from judged"
    ).fetchone() or (0, 0)
    if read != received:
        raise RefusedError(
            "count",
            f"{read} records could be read of {received} that it holds",
            "see whether the publisher changed the form; if so, mend the feed's module",
        )
    require_mostly_good(received, accepted)
    profile = _profile(connection, table)
    require_like(profile, before, table)
    columns = ", ".join(quote_name(column) for column in table.columns)
    connection.execute(
        f"insert into {feed.schema}.{table.name} (snapshot_id, record, as_of, confidence, {columns})"
        f" select ?, record, ?, ?, {columns} from judged where rule is null order by record",
        [snapshot.sha256, snapshot.fetched_at, snapshot.confidence],
    )
    connection.execute(
        "insert into raw_feeds.quarantine select ?, ?, ?, record, field, rule,"
        f" left(raw_text, {_MAX_RAW_TEXT}), message, remedy from judged"
        " where rule is not null order by record",
        [feed.name, table.name, snapshot.sha256],
    )
    _tell(connection, feed, table, snapshot, received, accepted, received - accepted)
    return profile


def _require_no_older(snapshot: Snapshot, last_good: Snapshot | None) -> None:
    """Refuse what the publisher itself dates before the last good one of the same form."""
    if last_good is None or last_good.form != snapshot.form:
        return
    ours, theirs = last_good.last_modified, snapshot.last_modified
    if ours is not None and theirs is not None and theirs < ours:
        raise RefusedError(
            "older_copy",
            f"it was last modified at {theirs}, the last good one at {ours}",
            "nothing to do if the next poll brings a newer one",
        )


def _judge(connection: DuckDBPyConnection, form: Form, snapshot: Snapshot, path: Path) -> None:
    """Make the temporary table `judged`: every record, typed, with the first rule that it breaks."""
    table = form.table
    for name in ("broken_line", "broken_scan"):
        connection.execute(f"drop table if exists {name}")
    try:
        connection.execute(
            f"create or replace temp table found as {form.select(str(path), snapshot)}"
        )
        broken = _select_broken(connection, table)
        problems = ", ".join(
            [
                *(_say_missing(column) for column in table.required),
                *(
                    _say_mistyped(column, kind)
                    for column, kind in table.columns.items()
                    if kind != "varchar"
                ),
                *(_say_broken_rule(rule) for rule in table.rules),
            ]
        )
        typed = ", ".join(
            f"try_cast(found.{column} as {kind}) as {column}"
            for column, kind in table.columns.items()
        )
        key = ", ".join(table.key)
        columns = ", ".join(table.columns)
        connection.execute(
            f"""
            create or replace temp table judged as
            with text_record as (
                select * from found
                {broken}
            ),
            typed as (
                select record, raw_text, timestamp {quote_text(snapshot.fetched_at.isoformat())}
                    as as_of, broken_message, {typed}, found as told
                from text_record as found
            ),
            problem as (
                select *, case when broken_message is not null then
                    {{'field': null::varchar, 'rule': 'broken_line', 'message': broken_message,
                      'remedy': 'ask the publisher'}}
                    else coalesce({problems}) end as problem
                from typed
            ),
            twice as (
                select *,
                    count(*) over (partition by problem is null, {key}) as key_count,
                    count(*) over (partition by problem is null, {columns}) as same_count,
                    row_number() over (partition by problem is null, {columns} order by record)
                        as same_number
                from problem
            ),
            verdict as (
                select * exclude (problem), case
                    when problem is not null then problem
                    when key_count > same_count then
                        {{'field': {quote_text(table.key[-1])}, 'rule': 'conflict', 'message':
                          'the same {key} stands in it with other values',
                          'remedy': 'ask the publisher which holds'}}
                    when same_number > 1 then
                        {{'field': {quote_text(table.key[-1])}, 'rule': 'duplicate', 'message':
                          'the same record stands in it before',
                          'remedy': 'nothing to do: it is kept once'}}
                    end as problem
                from twice
            )
            select record, raw_text, as_of, {columns}, problem.field as field, problem.rule as rule,
                problem.message as message, problem.remedy as remedy
            from verdict
            """
        )
    except duckdb.Error as error:
        raise RefusedError(
            "unreadable",
            f"it cannot be read: {str(error).splitlines()[0][:300]}",
            "ask the publisher",
        ) from None


def _select_broken(connection: DuckDBPyConnection, table: Table) -> str:
    """Return SQL that adds the lines that the CSV reader set aside, and the column they need."""
    connection.execute("alter table found add column broken_message varchar")
    there = connection.execute(
        "select 1 from duckdb_tables() where table_name = 'broken_line'"
    ).fetchone()
    if not there:
        return ""
    nulls = "".join(f", null as {quote_name(column)}" for column in table.columns)
    return (
        f"union all by name select min(line) as record, any_value(csv_line) as raw_text{nulls},"
        " min(error_message) as broken_message from broken_line group by scan_id, line"
    )


def _say(condition: str, column: str, rule: str, message: str, remedy: str) -> str:
    return (
        f"case when {condition} then {{'field': {quote_text(column)}, 'rule': {quote_text(rule)},"
        f" 'message': {message}, 'remedy': {quote_text(remedy)}}} end"
    )


def _say_missing(column: str) -> str:
    return _say(f"told.{column} is null", column, "missing", "'there is none'", "ask the publisher")


def _say_mistyped(column: str, kind: str) -> str:
    return _say(
        f"told.{column} is not null and {column} is null",
        column,
        "type",
        f"'found ' || left(told.{column}, 200) || ', not {kind}'",
        "ask the publisher",
    )


def _say_broken_rule(rule: Rule) -> str:
    message = (
        f"'found ' || coalesce(told.{rule.field}, 'nothing') || '; ' || {quote_text(rule.message)}"
    )
    return _say(f"not ({rule.holds})", rule.field, rule.name, message, rule.remedy)


def _profile(connection: DuckDBPyConnection, table: Table) -> Profile:
    good = "from judged where rule is null"
    divided = table.most_rows_per and table.most_rows_per[0]
    per = f"count(distinct {divided})" if divided else "1"
    count, rows_per, newest = connection.execute(
        f"select count(*), count(*) / greatest({per}, 1), {table.newest or 'null'} {good}"
    ).fetchone() or (0, 0, None)
    if table.most_rows_per:
        column, most = table.most_rows_per
        crowded = connection.execute(
            f"select {column}, count(*) {good} group by all having count(*) > {most} order by all"
        ).fetchone()
        if crowded:
            raise RefusedError(
                "row_count",
                f"{column} {crowded[0]} has {crowded[1]} records, at most {most} were expected",
                "if that is right, raise most_rows_per in the feed's module",
            )
    medians: dict[str, float] = {}
    if table.measure:
        medians = dict(
            connection.execute(
                f"select {table.group or quote_text('')}, cast(median({table.measure}) as double)"
                f" {good} group by all having median({table.measure}) is not null"
            ).fetchall()
        )
    return Profile(count, rows_per, newest, medians)


def _refuse(
    connection: DuckDBPyConnection,
    feed: Feed,
    table: Table,
    snapshot: Snapshot,
    refused: RefusedError,
) -> None:
    """Keep in the quarantine that a whole snapshot is not used; its bytes stay where they are."""
    connection.execute(
        "insert into raw_feeds.quarantine values (?, ?, ?, null, null, ?, ?, ?, ?)",
        [
            feed.name,
            table.name,
            snapshot.sha256,
            refused.rule,
            snapshot.path.read_bytes()[:_MAX_RAW_TEXT].decode(errors="replace"),
            refused.message,
            refused.remedy,
        ],
    )
    _tell(connection, feed, table, snapshot, 1, 0, 1, refused)


def _tell(
    connection: DuckDBPyConnection,
    feed: Feed,
    table: Table,
    snapshot: Snapshot,
    received: int,
    accepted: int,
    quarantined: int,
    refused: RefusedError | None = None,
) -> None:
    connection.execute(
        f"insert into raw_feeds.snapshot values ({', '.join('?' * 19)})",
        [
            snapshot.sha256,
            feed.name,
            table.name,
            snapshot.form,
            snapshot.partition,
            snapshot.address,
            snapshot.fetched_at,
            snapshot.seen_at,
            snapshot.origin.value,
            snapshot.path.stat().st_size,
            snapshot.licence,
            snapshot.attribution,
            snapshot.confidence,
            received,
            accepted,
            quarantined,
            refused is None,
            refused and refused.rule,
            refused and refused.message,
        ],
    )


def _set_aside(
    connection: DuckDBPyConnection, feed: Feed, table: Table, snapshot: Snapshot
) -> None:
    """Take out the rows of a good snapshot that a newer one replaces."""
    at = [snapshot.sha256]
    connection.execute(f"delete from {feed.schema}.{table.name} where snapshot_id = ?", at)
    connection.execute(
        "delete from raw_feeds.quarantine where snapshot_id = ? and record is not null", at
    )
    connection.execute(
        "delete from raw_feeds.snapshot where snapshot_id = ? and feed = ? and raw_table = ?"
        " and part = ?",
        [*at, feed.name, table.name, snapshot.partition],
    )


def _report(connection: DuckDBPyConnection, feed: Feed, problems: Sequence[str]) -> FeedReport:
    rows = connection.execute(
        "select raw_table, part, origin, seen_at, accepted, quarantined, is_used, message"
        " from raw_feeds.snapshot where feed = ? order by fetched_at, raw_table",
        [feed.name],
    ).fetchall()
    newest: dict[str, tuple[datetime, str]] = {}
    for table, _, origin, fetched_at, _, _, is_used, _ in rows:
        if is_used:
            newest[table] = (fetched_at, origin)
    refused = [
        f"{table}{f' {part}' if part else ''} received {fetched_at:%Y-%m-%d %H:%M} was refused: {message}"
        for table, part, _, fetched_at, _, _, is_used, message in rows
        if not is_used
    ]
    oldest = min(newest.values(), default=None)
    kinds = [origin for _, origin in newest.values()]
    kind = next((item for item in reversed(Origin) if item.value in kinds), None)
    return FeedReport(
        feed.name,
        kind.value if kind else "none",
        oldest[0] if oldest else None,
        accepted=sum(row[4] for row in rows),
        quarantined=sum(row[5] for row in rows),
        problems=[*problems, *refused],
    )

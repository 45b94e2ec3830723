"""Which published figures moved from one release to another, by how much, and because of what.

Tables are compared by their keys, in SQL, over two attached databases. A row that moved is laid to
the records behind it that changed, the nearest first:

1. records that the row names: its deal, claim, assumption, observation, figure;
2. records whose documents the row rests on; where it is about organisations, their deals alone;
3. deals that a link ties to the row's deal.

Where no record behind it changed, the row moved because of a changed rule (the SQL that its table
is made by, or the version of what runs it), else because the day on which the tables stand moved
on, else because of records elsewhere in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from duckdb import DuckDBPyConnection

from sources.sql import quote_name, quote_table, quote_text

# In the order in which they are named as the cause of a row that has several.
CAUSES = {
    "new_event": "an event was added to a deal",
    "correction": "what a record says was changed",
    "new_record": "a record came in",
    "removed_record": "a record went",
    "new_document": "a document came in",
    "rule": "a rule changed",
    "day": "the day moved on",
    "elsewhere": "other records changed",
    "unknown": "no record, rule or day behind it changed",
}

# Figures of a table that are kept in the published file, and in diff.json: the largest moves.
MOST_KEPT = 10_000
MOST_IN_JSON = 100
_MOST_RECORDS_OF_A_ROW = 10
_MOST_RECORDS = 1_000
_COUNTED = ("added", "removed", "changed", "figures_moved", "values_moved")
# While a release is being published, larger tables are only counted; `make diff` compares them.
MOST_ROWS_WHILE_PUBLISHING = 2_000_000

_DOCUMENTS = "source_ids"
_ORGANIZATIONS = (
    "customer_id", "org_id", "payer_id", "payee_id", "chip_vendor_id", "developer_id", "org_ids",
)  # fmt: skip
# Column to the kind of record that it names.
_RECORD_COLUMNS = {
    "deal_id": "deal",
    "to_deal_id": "deal",
    "other_deal_id": "deal",
    "deal_ids": "deal",
    "claim_id": "claim",
    "assumption_id": "assumption",
    "observation_id": "token_observation",
    "from_observation_id": "token_observation",
    "to_observation_id": "token_observation",
    "capex_id": "capex",
    "source_id": "document",
}
# These name a record only where they begin the key.
_RECORD_KEYS = {"metric": "scenario", "org_id": "organization"}
# Versions that can change a figure.
_ENGINES = ("dbt-core", "dbt-duckdb", "duckdb", "python")
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
          "UINTEGER", "UBIGINT", "UHUGEINT")  # fmt: skip

# Attached database, table, column: the type of the column.
_Columns = Mapping[str, Mapping[str, Mapping[str, str]]]


@dataclass(frozen=True)
class Side:
    """One of the two releases: what its manifest says, and where its database is attached."""

    database: str
    manifest: Mapping[str, Any]

    @property
    def release_id(self) -> str:
        """The id of the release."""
        return str(self.manifest["release_id"])

    @cached_property
    def tables(self) -> dict[str, Mapping[str, Any]]:
        """What the manifest says of each table that does not depend on the clock."""
        return {
            entry["table"]: entry
            for entry in self.manifest["tables"]
            if not entry["depends_on_clock"]
        }

    @cached_property
    def inputs(self) -> dict[str, str]:
        """Path to SHA-256 of each input file."""
        return {item["path"]: item["sha256"] for item in self.manifest["inputs"]}

    @cached_property
    def versions(self) -> dict[str, str]:
        """The versions that can change a figure."""
        stated = self.manifest["versions"]
        return {name: stated[name] for name in _ENGINES if name in stated}


def describe_first(new: Side) -> dict[str, Any]:
    """Return the diff of a release that has none before it."""
    return {
        "from": None,
        "to": new.release_id,
        "summary": "the first release",
        "today": [None, new.manifest["today"]],
        "git_revision": [None, new.manifest["git_revision"]],
        "versions": {},
        "changed_rules": [],
        "is_read_differently": False,
        "changed_inputs": [],
        "changed_records": {},
        "records": [],
        "figures_moved": 0,
        "tables": [],
    }


def compare(
    connection: DuckDBPyConnection, old: Side, new: Side, *, most_rows: int | None = None
) -> dict[str, Any]:
    """Compare two attached releases.

    Leaves the temporary table `moved` behind, a row for each value that moved; `place` orders those
    of a table, the largest first.

    Args:
        connection: both databases are attached to it.
        old: the release that is compared with.
        new: the release that is asked about.
        most_rows: larger tables are counted and not compared; None compares all.

    Returns:
        What diff.json holds.
    """
    changed_rules = _list_changed_rules(old, new)
    columns = {side.database: _read_columns(connection, side) for side in (old, new)}
    is_read_differently = _find_changed_records(connection, old, new, columns)
    _create_tables(connection)
    tables: list[dict[str, Any]] = []
    for table in sorted(old.tables.keys() | new.tables.keys()):
        entry = _compare_table(connection, old, new, table, columns, most_rows)
        if entry is not None:
            tables.append(entry)
    _lay_to_records(connection, old, new, columns)
    otherwise: dict[str, str] = {}
    if old.manifest["today"] != new.manifest["today"]:
        otherwise = dict.fromkeys(new.tables, "day")
    otherwise |= dict.fromkeys(new.tables if is_read_differently else changed_rules, "rule")
    _name_causes(connection, otherwise)
    return _summarise(connection, old, new, tables, changed_rules, is_read_differently)


def _list_changed_rules(old: Side, new: Side) -> list[str]:
    """Return the tables whose SQL, or what runs it, differs; all where that cannot be known."""
    if old.versions != new.versions:
        return sorted(new.tables)
    is_other = old.manifest["git_revision"] != new.manifest["git_revision"]
    changed = []
    for table, entry in new.tables.items():
        before = old.tables.get(table, {}).get("rule_hash")
        after = entry.get("rule_hash")
        if before != after or (before is None and is_other):
            changed.append(table)
    return sorted(changed)


def _find_changed_records(
    connection: DuckDBPyConnection, old: Side, new: Side, columns: _Columns
) -> bool:
    """Fill `changed_record`; return whether records of unchanged files are read differently."""
    same = sorted(path for path, sha256 in new.inputs.items() if old.inputs.get(path) == sha256)
    grown = "select null as deal_id limit 0"
    if all("core.fct_deal_event" in columns[side.database] for side in (old, new)):
        grown = f"""
            select deal_id from {new.database}.core.fct_deal_event
            group by deal_id
            having max(event_seq) > coalesce((
                select max(before.event_seq) from {old.database}.core.fct_deal_event as before
                where before.deal_id = fct_deal_event.deal_id
            ), 0)
        """
    connection.execute(
        f"""
        create or replace temp table changed_record as
        with before as ({_select_records(old, columns)}),

        after as ({_select_records(new, columns)}),

        grown as ({grown})

        select
            coalesce(after.record_kind, before.record_kind) as record_kind,
            coalesce(after.record_id, before.record_id) as record_id,
            case
                when before.record_id is null and after.record_kind = 'document' then 'new_document'
                when before.record_id is null then 'new_record'
                when after.record_id is null then 'removed_record'
                when after.record_kind = 'deal'
                    and after.record_id in (select deal_id from grown) then 'new_event'
                else 'correction'
            end as cause,
            coalesce(after.file, before.file) as file,
            coalesce(
                before.file = after.file and after.file in (select unnest($same)), false
            ) as is_same_file
        from before
        full join after
            on before.record_kind = after.record_kind
            and before.record_id = after.record_id
        where before.content_hash is distinct from after.content_hash
        """,
        {"same": same},
    )
    gone = connection.execute("delete from changed_record where is_same_file").fetchone()
    return bool(gone and gone[0])


def _select_records(side: Side, columns: _Columns) -> str:
    has_file = "file" in columns[side.database]["audit.record_history"]
    return (
        f"select record_kind, record_id, content_hash, {'file' if has_file else 'null as file'}"
        f" from {side.database}.audit.record_history"
        f" where last_seen_release = {quote_text(side.release_id)}"
    )


def _create_tables(connection: DuckDBPyConnection) -> None:
    connection.execute(
        """
        create or replace temp table moved_row (
            table_name varchar, row_number bigint, row_key json, change varchar,
            records varchar[], org_ids varchar[], source_ids varchar[],
            figures struct(
                column_name varchar, old_value varchar, new_value varchar, difference double,
                is_number boolean
            )[]
        )
        """
    )
    connection.execute(
        "create or replace temp table record_document"
        " (record_kind varchar, record_id varchar, source_id varchar)"
    )


def _compare_table(
    connection: DuckDBPyConnection,
    old: Side,
    new: Side,
    table: str,
    columns: _Columns,
    most_rows: int | None,
) -> dict[str, Any] | None:
    """Add what moved in a table to `moved_row`; return what is to be said of the table itself."""
    before, after = old.tables.get(table), new.tables.get(table)
    if before is None or after is None:
        return {"table": table, "change": "removed" if after is None else "added"}
    key = after.get("key") or before.get("key")
    for side in (old, new):
        _find_documents(connection, side, table, columns[side.database][table], key)
    if before["content_hash"] == after["content_hash"]:
        return None
    rows = max(before["row_count"], after["row_count"])
    entry: dict[str, Any] = {"table": table, "change": "changed"}
    if most_rows is not None and rows > most_rows:
        entry["not_compared"] = f"{rows:,} rows; make diff compares them"
        return entry
    earlier, later = (columns[side.database][table] for side in (old, new))
    shared = [name for name in later if name in earlier]
    for word, names in (
        ("columns_added", later.keys() - earlier.keys()),
        ("columns_removed", earlier.keys() - later.keys()),
    ):
        if names:
            entry[word] = sorted(names)
    # Without a key a row is told by all of it: it came or it went.
    is_keyed = bool(key) and set(key) <= set(shared)
    figures = [name for name in shared if name != _DOCUMENTS and not (is_keyed and name in key)]
    connection.execute(
        _write_comparison(old, new, table, key if is_keyed else shared, figures, later, earlier)
    )
    return entry


def _find_documents(
    connection: DuckDBPyConnection,
    side: Side,
    table: str,
    columns: Mapping[str, str],
    key: Sequence[str] | None,
) -> None:
    """Add the documents that a core table states for the changed records that its key names."""
    kind = _name_kind(key[0], key) if key else None
    if kind in (None, "organization") or not table.startswith("core.") or not key:
        return
    if _DOCUMENTS not in columns:
        return
    connection.execute(
        "insert into record_document"
        f" select distinct {quote_text(kind)}, {quote_name(key[0])}, unnest({_DOCUMENTS})"
        f" from {side.database}.{quote_table(table)}"
        f" where {quote_name(key[0])} in"
        f" (select record_id from changed_record where record_kind = {quote_text(kind)})"
    )


def _name_kind(column: str, key: Sequence[str]) -> str | None:
    """Return the kind of record that a column of a table names; None where it names none."""
    if column in _RECORD_KEYS and key[0] == column and (column == "metric" or len(key) == 1):
        return _RECORD_KEYS[column]
    return _RECORD_COLUMNS.get(column)


def _write_comparison(
    old: Side,
    new: Side,
    table: str,
    key: Sequence[str],
    figures: Sequence[str],
    columns: Mapping[str, str],
    earlier: Mapping[str, str],
) -> str:
    shared = [name for name in columns if name in earlier]
    values = [name for name in shared if name not in key]
    row_key = ", ".join(
        f"{quote_text(name)}: coalesce(after.{quote_name(name)}, {_cast(name, columns, earlier)})"
        for name in key
    )
    names = [(name, kind) for name in shared if (kind := _name_kind(name, key))]
    differs = " or ".join(
        ["before.is_here is null", "after.is_here is null"]
        + [
            f"after.{quote_name(name)} is distinct from {_cast(name, columns, earlier)}"
            for name in values
        ]
    )
    matches = " and ".join(
        f"after.{quote_name(name)} is not distinct from {_cast(name, columns, earlier)}"
        for name in key
    )
    listed = ", ".join(_write_figure(name, columns, earlier) for name in figures)
    return f"""
        insert into moved_row
        with joined as (
            select
                {{{row_key}}}::json as row_key,
                case
                    when before.is_here is null then 'added'
                    when after.is_here is null then 'removed'
                    else 'changed'
                end as change,
                {_gather([(name, f"{kind} ") for name, kind in names], columns)} as records,
                {_gather([(name, "") for name in _ORGANIZATIONS if name in shared], columns)}
                    as org_ids,
                {_gather([(_DOCUMENTS, "")] if _DOCUMENTS in shared else [], columns)}
                    as source_ids,
                [{listed}] as figures
            from (select *, true as is_here from {old.database}.{quote_table(table)}) as before
            full join (select *, true as is_here from {new.database}.{quote_table(table)}) as after
                on {matches}
            where {differs}
        )

        select
            {quote_text(table)}, row_number() over (order by row_key::varchar), row_key, change,
            list_distinct(records), list_distinct(org_ids), list_distinct(source_ids),
            list_filter(
                figures,
                lambda figure: figure.old_value is distinct from figure.new_value
                    and (change = 'changed' or figure.is_number)
            )
        from joined
    """


def _write_figure(name: str, columns: Mapping[str, str], earlier: Mapping[str, str]) -> str:
    kind = columns[name]
    before, after = _cast(name, columns, earlier), f"after.{quote_name(name)}"
    is_number = kind in _WHOLE or kind.startswith(("DECIMAL", "FLOAT", "DOUBLE"))
    difference = f"cast({after} - {before} as double)" if is_number else "null"
    if kind in _WHOLE:
        difference = f"cast(cast({after} as hugeint) - cast({before} as hugeint) as double)"
    return (
        f"{{'column_name': {quote_text(name)}, 'old_value': cast({before} as varchar),"
        f" 'new_value': cast({after} as varchar), 'difference': {difference},"
        f" 'is_number': {str(is_number).lower()}}}"
    )


def _cast(name: str, columns: Mapping[str, str], earlier: Mapping[str, str]) -> str:
    """Return the earlier value of a column, in the type that the later release gives it."""
    value = f"before.{quote_name(name)}"
    return value if columns[name] == earlier[name] else f"try_cast({value} as {columns[name]})"


def _gather(names: Sequence[tuple[str, str]], columns: Mapping[str, str]) -> str:
    """Return SQL for the list of what several columns hold, on both sides, with a word before."""
    parts = []
    for name, word in names:
        for side in ("before", "after"):
            value = f"{side}.{quote_name(name)}"
            items = f"coalesce({value}, [])" if columns[name].endswith("[]") else f"[{value}]"
            parts.append(f"[{quote_text(word)} || item for item in {items} if item is not null]")
    return f"list_concat({', '.join(parts)})" if parts else "cast([] as varchar[])"


def _lay_to_records(
    connection: DuckDBPyConnection, old: Side, new: Side, columns: _Columns
) -> None:
    """Fill `laid`: the changed records behind each row that moved, the nearest alone."""
    links, parties = (
        " union ".join(
            f"select {names} from {side.database}.{table}"
            for side in (old, new)
            if table in columns[side.database]
        )
        or f"select {', '.join(f'null as {name}' for name in names.split(', '))} limit 0"
        for names, table in (
            ("deal_id, to_deal_id", "core.fct_deal_link"),
            ("deal_id, org_id", "core.fct_deal_party"),
        )
    )
    connection.execute(
        f"""
        create or replace temp table laid as
        with link as ({links}),

        party as ({parties}),

        named as (
            select table_name, row_number, unnest(records) as record from moved_row
        ),

        rested as (
            select table_name, row_number, org_ids, unnest(source_ids) as source_id from moved_row
        ),

        -- The organisations that a changed record is about; none where it is about all.
        documented as (
            select
                document.record_kind, document.record_id, document.source_id,
                list(party.org_id) filter (party.org_id is not null) as org_ids
            from (
                from record_document
                union
                select record_kind, record_id, record_id from changed_record
                where record_kind = 'document'
            ) as document
            left join party
                on document.record_kind = 'deal' and document.record_id = party.deal_id
            group by all
        ),

        found as (
            select table_name, row_number, record_kind, record_id, 1 as distance
            from named
            inner join changed_record
                on named.record = changed_record.record_kind || ' ' || changed_record.record_id
            union all
            select table_name, row_number, record_kind, record_id, 2
            from rested
            inner join documented on rested.source_id = documented.source_id
            where
                documented.org_ids is null
                or len(rested.org_ids) = 0
                or list_contains(rested.org_ids, 'all')
                or list_has_any(rested.org_ids, documented.org_ids)
            union all
            select table_name, row_number, 'deal', tied.to_deal_id, 3
            from named
            inner join (
                from link
                union
                select to_deal_id, deal_id from link
            ) as tied on named.record = 'deal ' || tied.deal_id
        ),

        known as (
            select distinct
                found.table_name, found.row_number, found.distance,
                changed_record.record_kind || ' ' || changed_record.record_id as record,
                changed_record.cause
            from found
            inner join changed_record
                on found.record_kind = changed_record.record_kind
                and found.record_id = changed_record.record_id
        ),

        nearest as (
            select *, min(distance) over (partition by table_name, row_number) as least from known
        )

        select
            table_name, row_number,
            list_position({list(CAUSES)}, cause) as rank, record, cause
        from nearest
        where distance = least
        """
    )


def _name_causes(connection: DuckDBPyConnection, otherwise: Mapping[str, str]) -> None:
    """Fill `moved`: each figure that moved, its cause and the records behind it.

    Args:
        connection: holds the temporary tables.
        otherwise: by table, why a row moved behind which no record changed.
    """
    connection.execute(
        f"""
        create or replace temp table moved as
        with behind as (
            select
                table_name, row_number, arg_min(cause, rank) as cause,
                list(record || ' (' || replace(cause, '_', ' ') || ')' order by rank, record)
                    [:{_MOST_RECORDS_OF_A_ROW}] as records
            from laid
            group by table_name, row_number
        ),

        otherwise as (
            select unnest($tables) as table_name, unnest($causes) as cause
        ),

        explained as (
            select
                moved_row.table_name, moved_row.row_number, moved_row.row_key, moved_row.change,
                coalesce(
                    behind.cause,
                    otherwise.cause,
                    if(exists (from changed_record), 'elsewhere', 'unknown')
                ) as cause,
                coalesce(behind.records, []) as records,
                -- A row of which only the documents changed is kept without a column.
                unnest(if(len(figures) > 0, figures, [null]), recursive := true)
            from moved_row
            left join behind
                on moved_row.table_name = behind.table_name
                and moved_row.row_number = behind.row_number
            left join otherwise on moved_row.table_name = otherwise.table_name
        )

        select
            *,
            row_number() over (
                partition by table_name
                order by coalesce(is_number, false) desc, abs(difference) desc nulls last,
                    row_number, column_name
            ) as place
        from explained
        """,
        {"tables": list(otherwise), "causes": list(otherwise.values())},
    )


def _summarise(
    connection: DuckDBPyConnection,
    old: Side,
    new: Side,
    tables: Sequence[dict[str, Any]],
    changed_rules: Sequence[str],
    is_read_differently: bool,
) -> dict[str, Any]:
    counts = {
        name: dict(zip(_COUNTED, numbers, strict=True))
        for name, *numbers in connection.execute(
            """
            select
                table_name,
                count(distinct row_number) filter (change = 'added'),
                count(distinct row_number) filter (change = 'removed'),
                count(distinct row_number) filter (change = 'changed'),
                count(*) filter (is_number),
                count(column_name)
            from moved group by table_name
            """
        ).fetchall()
    }
    causes = dict(
        connection.execute(
            "select table_name, map_from_entries(list((cause, row_count)))"
            " from (select table_name, cause, count(distinct row_number) as row_count from moved"
            " group by all order by all) group by table_name"
        ).fetchall()
    )
    largest = _list_largest(connection)
    for entry in tables:
        name = entry["table"]
        if entry["change"] == "changed" and "not_compared" not in entry:
            entry["rows"] = counts.get(name, dict.fromkeys(_COUNTED, 0))
            entry["causes"] = causes.get(name, {})
            entry["largest"] = largest.get(name, [])
    records = connection.execute(
        "select record_kind, record_id, cause, file from changed_record"
        f" order by list_position({list(CAUSES)}, cause), 1, 2 limit {_MOST_RECORDS}"
    ).fetchall()
    by_cause = dict(
        connection.execute("select cause, count(*) from changed_record group by 1").fetchall()
    )
    inputs = [
        path
        for path in sorted(old.inputs.keys() | new.inputs.keys())
        if old.inputs.get(path) != new.inputs.get(path)
    ]
    diff: dict[str, Any] = {
        "from": old.release_id,
        "to": new.release_id,
        "summary": "",
        "today": [old.manifest["today"], new.manifest["today"]],
        "git_revision": [old.manifest["git_revision"], new.manifest["git_revision"]],
        "versions": {
            name: [old.versions.get(name), new.versions.get(name)]
            for name in sorted(old.versions.keys() | new.versions.keys())
            if old.versions.get(name) != new.versions.get(name)
        },
        "changed_rules": list(changed_rules),
        "is_read_differently": is_read_differently,
        "changed_inputs": inputs,
        "changed_records": by_cause,
        "records": [
            {"record_kind": kind, "record_id": name, "cause": cause, "file": file}
            for kind, name, cause, file in records
        ],
        "figures_moved": sum(found["figures_moved"] for found in counts.values()),
        "tables": list(tables),
    }
    return diff | {"summary": _write_summary(diff)}


def _list_largest(connection: DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    """Return, by table, the figures that moved most and then what else changed."""
    rows = connection.execute(
        f"""
        select
            table_name, row_key, change, column_name, old_value, new_value, difference, cause,
            records
        from moved
        where column_name is not null and place <= {MOST_IN_JSON}
        order by table_name, place
        """
    ).fetchall()
    names = ("change", "column", "old", "new", "difference", "cause", "records")
    largest: dict[str, list[dict[str, Any]]] = {}
    for table, key, *values in rows:
        move = {"key": json.loads(key), **dict(zip(names, values, strict=True))}
        largest.setdefault(table, []).append(move)
    return largest


def _write_summary(diff: Mapping[str, Any]) -> str:
    """Return one line on a diff."""
    tables = diff["tables"]
    moved = sum(entry.get("rows", {}).get("figures_moved", 0) > 0 for entry in tables)
    text = "no figure moved"
    if moved:
        text = f"{_count(diff['figures_moved'], 'figure')} moved in {_count(moved, 'table')}"
    if len(tables) > moved:
        text += f", {_count(len(tables) - moved, 'table')} changed otherwise"
    because = [
        _count(count, cause.replace("_", " "))
        for cause in CAUSES
        if (count := diff["changed_records"].get(cause))
    ]
    if diff["changed_rules"] or diff["is_read_differently"]:
        because.append(f"changed rules of {_count(len(diff['changed_rules']), 'table')}")
    if diff["today"][0] != diff["today"][1]:
        because.append(f"the day moved from {diff['today'][0]} to {diff['today'][1]}")
    return f"{text}: {', '.join(because)}" if because else text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _read_columns(connection: DuckDBPyConnection, side: Side) -> dict[str, dict[str, str]]:
    """Return the columns of each table of a release, with their types."""
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where database_name = ? order by table_name, column_index",
        [side.database],
    ).fetchall()
    columns: dict[str, dict[str, str]] = {}
    for table, name, kind in rows:
        columns.setdefault(table, {})[name] = kind
    return columns

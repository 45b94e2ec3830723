"""The tables of the schema `gate`: what a build is held against besides its own tables.

They stand in the work database alone. What they may hold is said by expectation files, as of any
other table (`dbt_project/models/gate`).

    gate.row_change    published table: its rows in the last release and now
    gate.total_change  headline total of one customer or month: in the last release and now
    gate.check_change  check of the last release: whether it is declared still
    gate.freshness     kind of record: its newest day, and how long ago that is

Beside a change stand the records behind it: those that are new, changed or gone since the last
release, or became known between its day and the day of this build.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.audit.declared import Declared
from orchestration.audit.results import AuditError, insert_rows
from orchestration.history import select_records
from sources.sql import quote_name, quote_text

SCHEMA = "gate"
_COMPARED = ("gate.row_change", "gate.total_change", "gate.check_change")
_NOTHING_TO_COMPARE = "nothing to compare: there is no earlier release"

# Raw tables that hold no records: the words come with the code, the day is compared.
_SAME_EVERY_TIME = ("build", "vocabulary")

# A document says where a figure comes from, an organisation what it is called; neither moves it, but
# each is a row.
_MOVE_NOTHING = {"document", "organization"}


@dataclass(frozen=True)
class _Total:
    """Figures of a published table that readers quote."""

    table: str
    item: str
    """Column that tells one total from another."""
    figures: Mapping[str, str]
    """Name to column."""
    condition: str = "true"
    is_of_organizations: bool = False
    """Whether the item is an organisation, moved by its own deals alone, or `all`."""


@dataclass(frozen=True)
class Rules:
    """What tables are made by, besides records."""

    hashes: Mapping[str, str]
    """Table to the hash of the models and macros behind it."""
    versions: Mapping[str, str]
    """Of what runs them."""


_TOTALS = (
    _Total(
        "marts.capacity_by_customer",
        "customer_id",
        {"gross_gw": "gross_gw_base", "net_gw": "total_gw_base", "firm_gw": "firm_gw_base"},
        condition="layer = 'net'",
        is_of_organizations=True,
    ),
    _Total(
        "marts.spend_by_customer",
        "customer_id",
        {
            "announced_usd": "announced_usd_base",
            "firm_usd": "firm_usd_base",
            "implied_usd": "implied_usd_base",
            "capital_raised_usd": "capital_raised_usd_base",
        },
        is_of_organizations=True,
    ),
    _Total("marts.token_world_floor", "month", {"world_floor_tokens": "tokens_per_month_base"}),
)


@dataclass(frozen=True)
class _Facts:
    """A published table whose rows are facts that became known on a day."""

    kind: str
    table: str
    record: str
    day: str = "known_on"


_FACTS = (
    _Facts("deal", "core.fct_deal_event", "deal_id"),
    _Facts("token_observation", "core.fct_token_volume", "observation_id"),
    _Facts("capex", "core.fct_financial_figure", "capex_id"),
    _Facts("assumption", "core.dim_assumption", "assumption_id"),
    _Facts("claim", "marts.claim_check", "claim_id", day="said_on"),
    _Facts("document", "core.dim_source", "source_id", day="published_on"),
)


def list_excuses(release_file: Path) -> dict[str, str]:
    """Return the tables that may be empty, and why, given where the last release would be."""
    return {} if release_file.exists() else dict.fromkeys(_COMPARED, _NOTHING_TO_COMPARE)


def build_gate(
    connection: DuckDBPyConnection,
    release_file: Path,
    *,
    manifest: Mapping[str, Any],
    records: Mapping[str, str],
    declared: Iterable[Declared],
    rules: Rules,
) -> None:
    """Fill the tables of the gate in the current database.

    Args:
        connection: its current database holds a build.
        release_file: the last release, if there is one.
        manifest: dbt's.
        records: raw table to the kind of record that its rows belong to.
        declared: every check of this build.
        rules: what the tables are made by.

    Raises:
        AuditError: when the last release cannot be read.
    """
    connection.execute(f"drop schema if exists {SCHEMA} cascade; create schema {SCHEMA}")
    connection.execute(
        """
        create table gate.row_change (
            table_name varchar, rows_before bigint, rows_after bigint, change bigint,
            change_share double, moved_records bigint, is_same_day boolean, is_same_rules boolean
        );
        create table gate.total_change (
            figure varchar, item varchar, amount_before double, amount_after double, change double,
            change_share double, moved_records bigint, new_documents bigint, is_same_rules boolean
        );
        create table gate.check_change (
            table_name varchar, check_kind varchar, check_name varchar, is_declared boolean
        );
        create table gate.freshness (
            kind varchar, record_count bigint, newest_on date, age_days integer
        )
        """
    )
    _fill_freshness(connection)
    if not release_file.exists():
        return
    try:
        connection.execute(f"attach {quote_text(str(release_file))} as previous (read_only)")
    except duckdb.Error as error:
        raise AuditError(f"the last release cannot be compared with: {error}") from error
    try:
        _compare(connection, release_file, manifest, records, rules)
        _compare_checks(connection, declared)
    finally:
        connection.execute("detach previous")


def _fill_freshness(connection: DuckDBPyConnection) -> None:
    for facts in _FACTS:
        if _has_columns(connection, facts.table, [facts.day]):
            connection.execute(
                f"""
                insert into gate.freshness
                select
                    ?, count({facts.day}), max({facts.day}),
                    (select today from raw_ledger.build) - max({facts.day})
                from {facts.table}
                where {facts.day} <= (select today from raw_ledger.build)
                """,
                [facts.kind],
            )


def _compare(
    connection: DuckDBPyConnection,
    release_file: Path,
    manifest: Mapping[str, Any],
    records: Mapping[str, str],
    rules: Rules,
) -> None:
    row = connection.execute(
        "select release_id, today from previous.audit.release"
        " where release_id = (select max(release_id) from previous.audit.check_result)"
    ).fetchone()
    assert row is not None
    release_id, day_before = row
    same_rules = _list_same_rules(release_file.parent / "releases" / release_id, rules)
    day = _ask(connection, "select today from raw_ledger.build")[0][0]
    _find_moved_records(connection, records, release_id, (day_before, day))
    for table in _list_common_tables(connection):
        kinds = _list_kinds(manifest, records, table)
        connection.execute(
            f"""
            insert into gate.row_change
            select
                ?, rows_before, rows_after, rows_after - rows_before,
                (rows_after - rows_before) / nullif(rows_before, 0),
                if(? is null, null, (
                    select count(*) from moved_record where record_kind in (select unnest(?))
                )), ?, ?
            from (
                select
                    (select count(*) from previous.{table}) as rows_before,
                    (select count(*) from {table}) as rows_after
            )
            """,
            [table, kinds, kinds, day == day_before, table in same_rules],
        )
    for total in _TOTALS:
        columns = [total.item, *total.figures.values()]
        if _has_columns(connection, total.table, columns) and _has_columns(
            connection, total.table, columns, database="previous"
        ):
            kinds = _list_kinds(manifest, records, total.table)
            if kinds is not None:
                kinds = sorted(set(kinds) - _MOVE_NOTHING)
            for figure, column in total.figures.items():
                is_same = total.table in same_rules
                _compare_total(connection, total, figure, column, kinds, is_same)


def _list_same_rules(release: Path, rules: Rules) -> set[str]:
    """Return the tables that the last release made as this build does; none when it is not told."""
    try:
        before = json.loads((release / "manifest.json").read_bytes())
        if before["versions"] != rules.versions:
            return set()
        return {
            entry["table"]
            for entry in before["tables"]
            if rules.hashes.get(entry["table"], "") == entry["rule_hash"]
        }
    except (OSError, ValueError, KeyError):
        return set()


def _find_moved_records(
    connection: DuckDBPyConnection,
    records: Mapping[str, str],
    release_id: str,
    days: tuple[Any, Any],
) -> None:
    """Make the temporary tables of records that moved, and of documents newly cited for them."""
    database = _ask(connection, "select current_database()")[0][0]
    seen = select_records(connection, quote_name(database), records)
    known = [facts for facts in _FACTS if _has_columns(connection, facts.table, [facts.day])]
    became_known = "".join(
        f" union select {quote_text(facts.kind)}, {facts.record} from {facts.table}"
        f" where {facts.day} > $first and {facts.day} <= $last"
        for facts in known
    )
    first, last = sorted(days)
    connection.execute(
        f"""
        create or replace temp table moved_record as
        select record_kind, record_id from ({seen}) as now
        full join (
            select * from previous.audit.record_history where last_seen_release = $release_id
        ) as before using (record_kind, record_id)
        where now.content_hash is distinct from before.content_hash
        {became_known}
        """,
        {"release_id": release_id} | ({"first": first, "last": last} if known else {}),
    )
    cited = [
        facts
        for facts in known
        if _has_columns(connection, facts.table, ["source_ids"])
        and _has_columns(connection, facts.table, ["source_ids"], database="previous")
    ]
    citations = [
        f"select {quote_text(facts.kind)} as record_kind, {facts.record} as record_id,"
        f" unnest(source_ids) as source_id from {{}}{facts.table}"
        for facts in cited
    ]
    now = " union ".join(citations).format(*[""] * len(cited))
    before = " union ".join(citations).format(*["previous."] * len(cited))
    connection.execute(
        "create or replace temp table new_citation as "
        + (f"{now} except ({before})" if cited else _NO_CITATION)
    )
    parties = [
        f"select deal_id, org_id from {database}core.fct_deal_party"
        for database in ("", "previous.")
        if _has_columns(connection, "core.fct_deal_party", ["org_id"], database=database[:-1])
    ]
    links = [
        f"select deal_id, to_deal_id from {database}core.fct_deal_link"
        for database in ("", "previous.")
        if _has_columns(connection, "core.fct_deal_link", ["to_deal_id"], database=database[:-1])
    ]
    # A link moves the totals of those who stand at its other end too.
    connection.execute(
        f"""
        create or replace temp table concerned as
        with party as ({" union ".join(parties) or _NO_PARTY}),
        link as ({" union ".join(links) or _NO_LINK})
        select deal_id, org_id from party
        union select link.deal_id, org_id from link join party on party.deal_id = to_deal_id
        union select to_deal_id, org_id from link join party on party.deal_id = link.deal_id
        union select record_id, 'all' from moved_record where record_kind = 'deal'
        """
    )


_NO_CITATION = "select '' as record_kind, '' as record_id, '' as source_id limit 0"
_NO_PARTY = "select '' as deal_id, '' as org_id limit 0"
_NO_LINK = "select '' as deal_id, '' as to_deal_id limit 0"


def _compare_total(
    connection: DuckDBPyConnection,
    total: _Total,
    figure: str,
    column: str,
    kinds: list[str] | None,
    is_same_rules: bool,
) -> None:
    # A customer without a row has nothing; a month without one is not reached yet.
    join = "full" if total.is_of_organizations else "inner"
    missing = "0" if total.is_of_organizations else "null"
    behind = (
        "record_kind <> 'deal' or exists (select 1 from concerned"
        " where concerned.deal_id = record_id and concerned.org_id = item)"
        if total.is_of_organizations
        else "true"
    )
    amounts = (
        f"select cast({total.item} as varchar) as item, cast({column} as double) as amount,"
        f" true as is_there from {{}}{total.table} where {total.condition}"
    )
    connection.execute(
        f"""
        insert into gate.total_change
        with change as (
            select
                item,
                if(before.is_there, before.amount, {missing}) as amount_before,
                if(now.is_there, now.amount, {missing}) as amount_after
            from ({amounts.format("")}) as now
            {join} join ({amounts.format("previous.")}) as before using (item)
        )
        select
            $figure, item, amount_before, amount_after, amount_after - amount_before,
            (amount_after - amount_before) / nullif(abs(amount_before), 0),
            if($kinds is null, null, (
                select count(*) from moved_record
                where record_kind in (select unnest($kinds)) and ({behind})
            )),
            if($kinds is null, null, (
                select count(distinct source_id) from new_citation
                where record_kind in (select unnest($kinds)) and ({behind})
            )),
            $is_same_rules
        from change
        """,
        {"figure": figure, "kinds": kinds, "is_same_rules": is_same_rules},
    )


def _compare_checks(connection: DuckDBPyConnection, declared: Iterable[Declared]) -> None:
    connection.execute(
        "create or replace temp table declared_check"
        " (table_name varchar, check_kind varchar, check_name varchar)"
    )
    insert_rows(connection, "declared_check", [check[:3] for check in declared])
    connection.execute(
        """
        insert into gate.check_change
        select
            before.table_name, before.check_kind, before.check_name,
            now.check_name is not null
        from previous.audit.check_result as before
        left join declared_check as now using (table_name, check_kind, check_name)
        """
    )


def _list_kinds(
    manifest: Mapping[str, Any], records: Mapping[str, str], table: str
) -> list[str] | None:
    """Return the kinds of record that a table is made of, which dbt's graph knows.

    None when it is also made of something else, a feed or what was refused, that moves unseen here.
    """
    nodes, sources = manifest["nodes"], manifest["sources"]
    waiting = [
        key
        for key, node in nodes.items()
        if node["resource_type"] == "model" and f"{node['schema']}.{node['name']}" == table
    ]
    reached: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting += nodes.get(key, {}).get("depends_on", {}).get("nodes", [])
    read = {sources[key]["name"] for key in reached if key in sources}
    if not read <= {*records, *_SAME_EVERY_TIME}:
        return None
    kinds = {kind for raw, kind in records.items() if raw in read}
    return sorted(kinds)


def _list_common_tables(connection: DuckDBPyConnection) -> list[str]:
    # What a release writes of itself is not part of a build.
    rows = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables()"
        " where database_name = current_database()"
        " and schema_name in ('core', 'marts', 'audit')"
        " intersect select schema_name || '.' || table_name from duckdb_tables()"
        " where database_name = 'previous' order by 1"
    ).fetchall()
    return [str(row[0]) for row in rows if row[0] != "audit.check_result"]


def _has_columns(
    connection: DuckDBPyConnection, table: str, columns: Iterable[str], *, database: str = ""
) -> bool:
    schema, name = table.split(".")
    found = connection.execute(
        "select column_name from duckdb_columns() where schema_name = ? and table_name = ?"
        " and database_name = coalesce(nullif(?, ''), current_database())",
        [schema, name, database],
    ).fetchall()
    return set(columns) <= {row[0] for row in found}


def _ask(connection: DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()

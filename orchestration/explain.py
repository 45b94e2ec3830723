"""What stands behind one published figure: `make explain TABLE=… KEY=… COLUMN=…`.

An explanation holds what a person needs to work the figure out again: the facts that it is made of,
the rules by which it is made, the documents that state the facts, and the hashes of the records and
of the release. It reads a release and nothing else; how a figure is made is told by the release's
own descriptions, the rules by docs/semantics.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.intact import DamagedError
from orchestration.query import open_release
from orchestration.settings import ROOT, SettingsError, read_settings
from sources.sql import quote_text

Row = dict[str, Any]

_SEMANTICS = ROOT / "docs" / "semantics.md"
_RULE = re.compile(r"^\| (S\d+) ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
_RULE_NAME = re.compile(r"\bS\d+\b")
_PARAMETER = re.compile(r"\$(\w+)")

# The row of audit.release that the open file is.
RELEASE = "select * from audit.release where release_id = (select max(release_id) from audit.check_result)"

_NET_LAYERS = "('site', 'chips', 'cloud')"
_COST = "select * from core.dim_scenario where metric = 'usd_per_gw' and known_on <= "
_OWN_DEAL = {"deal": "select * from core.dim_deal where deal_id = $deal_id"}
_OWN_PHASES = {
    "phases": "select * from core.fct_deal_phase where deal_id = $deal_id order by phase_seq, known_on"
}
_LEGS = """
    select leg.leg_seq, flow.* from marts.capital_loop_legs as leg
    inner join core.fct_money_flow as flow
        on leg.payer_id = flow.payer_id and leg.payee_id = flow.payee_id
        and flow.deal_id in (select unnest(leg.deal_ids))
    where leg.loop_id = $loop_id order by leg.leg_seq, flow.deal_id
"""

# By table, the facts that a row is made of. A parameter is a column of the row, or `today`.
FACTS: Mapping[str, Mapping[str, str]] = {
    "core.dim_deal": {},
    "core.fct_deal_event": {},
    "core.fct_deal_state": {},
    "core.fct_deal_phase": _OWN_PHASES,
    "core.fct_money_flow": {
        **_OWN_DEAL,
        "parties": "select * from core.fct_deal_party where deal_id = $deal_id order by party_seq",
    },
    "core.fct_token_volume": {},
    "marts.capacity_by_customer": {
        "capacity": f"""
            from capacity_facts($today, $customer_id)
            where layer = $layer or ($layer = 'net' and layer in {_NET_LAYERS})
        """
    },
    "marts.capacity_eliminations": {
        "capacity": f"""
            from capacity_facts($today, $customer_id)
            where scope = 'announced' and layer in {_NET_LAYERS}
        """
    },
    "marts.vendor_concentration": {
        "capacity": """
            from capacity_facts($today, $customer_id)
            where scope = 'announced' and layer = 'chips'
        """,
        "vendors": """
            select party.* from core.fct_deal_party as party
            where party.role in ('chip_vendor', 'supplier') and party.deal_id in (
                select deal_id from capacity_facts($today, $customer_id) where layer = 'chips'
            )
            order by party.deal_id, party.party_seq
        """,
    },
    "marts.commitments_history": {
        "capacity": f"""
            from capacity_facts($month_end, $customer_id) where layer in {_NET_LAYERS}
        """,
        "money": "from money_facts($month_end, $customer_id) where measure = 'spend'",
        "cost of a gigawatt": f"{_COST} $month_end order by scenario",
    },
    "marts.spend_by_customer": {
        "money": "from money_facts($today, $customer_id)",
        "net capacity": """
            select layer, total_gw_low, total_gw_base, total_gw_high
            from marts.capacity_by_customer
            where customer_id = $customer_id and layer = 'net'
        """,
        "cost of a gigawatt": f"{_COST} $today order by scenario",
    },
    "marts.schedule_totals": {**_OWN_DEAL, **_OWN_PHASES},
    "marts.capacity_schedule": {**_OWN_DEAL, **_OWN_PHASES},
    "marts.spend_schedule": {
        **_OWN_DEAL,
        "flows": "select * from core.fct_money_flow where deal_id = $deal_id order by all",
    },
    "marts.phase_slips": {
        "deal": _OWN_DEAL["deal"],
        "promises": """
            select * from core.fct_deal_phase
            where deal_id = $deal_id and phase_seq = $phase_seq order by known_on
        """,
    },
    "marts.capital_loops": {"flows": _LEGS},
    "marts.capital_loop_legs": {"flows": _LEGS},
    "marts.token_growth": {
        "observations": """
            select * from core.fct_token_volume
            where observation_id in ($from_observation_id, $to_observation_id)
            order by period_start
        """
    },
    "marts.token_volume_monthly": {
        "observations": """
            select * from core.fct_token_volume
            where org_id = $org_id and scope = $scope and measure = $measure
            order by period_start, observation_id
        """
    },
    "marts.demand_vs_supply": {
        "tokens": "select * from marts.token_world_floor where month = $month",
        "energy a token and power of a site": """
            select * from core.dim_scenario
            where metric in ('joules_per_token', 'pue') and scenario = $scenario order by metric
        """,
        "capacity": "select * from marts.commitments_history where customer_id = 'all'"
        " and month_end = last_day($month)",
    },
    "marts.claim_check": {
        "series": "select * from marts.claim_series_growth where claim_id = $claim_id order by all"
    },
    "marts.capex_vs_commitments": {
        "figures": """
            select * from core.fct_financial_figure
            where org_id = $org_id and quarter_start = $quarter_start order by capex_id
        """,
        "payments": """
            select deal_id, payee_id, flow_kind, sum(usd_low) as usd_low, sum(usd_base) as usd_base,
                sum(usd_high) as usd_high
            from marts.spend_schedule
            where payer_id = $org_id and month between $quarter_start and $quarter_end
            group by all order by all
        """,
    },
}

# The kind of record, as audit.record_history names it, by the column that holds its id.
_RECORDS = {
    "deal_id": "deal",
    "other_deal_id": "deal",
    "to_deal_id": "deal",
    "deal_ids": "deal",
    "observation_id": "token_observation",
    "from_observation_id": "token_observation",
    "to_observation_id": "token_observation",
    "assumption_id": "assumption",
    "capex_id": "capex",
    "claim_id": "claim",
}


class ExplainError(Exception):
    """A figure cannot be explained; the message says what to ask instead."""


@dataclass(frozen=True)
class Explanation:
    """What stands behind one cell of a release; every value is plain, so that it can be written."""

    release: Row
    cell: Row
    """Table, key, column, value, what the column and a row mean, and the query that gives it."""
    rules: list[Row]
    """The rules that the descriptions of the table and the column name."""
    facts: dict[str, list[Row]]
    """What the figure is made of, by name; then the events and links of its deals."""
    documents: list[Row]
    records: list[Row]
    """The records of the ledger that the facts come from, each with the hash of what it said."""


def read_release(connection: DuckDBPyConnection) -> Row:
    """Return the row of audit.release that the open file is."""
    (row,) = ask(connection, RELEASE)
    return row


def explain(
    connection: DuckDBPyConnection, table: str, key: Mapping[str, str], column: str
) -> Explanation:
    """Explain one cell.

    Args:
        connection: an open release.
        table: schema and name, as marts.capacity_by_customer.
        key: column to value, as text; together they name one row.
        column: the column of the figure.

    Raises:
        ExplainError: there is no such table, column or row, or several rows.
    """
    columns = list_columns(connection, table)
    for name in (*key, column):
        if name not in columns:
            raise ExplainError(f"{table} has no column {name}; it has {', '.join(columns)}")
    query = write_query(table, key, [column])
    row = _find_row(connection, table, key)
    release = read_release(connection)
    facts = _find_facts(connection, table, row, release["today"])
    sources = _collect([row], "source_ids") | {
        source for rows in facts.values() for source in _collect(rows, "source_ids")
    }
    texts = _describe(connection, table, column)
    return Explanation(
        release=release,
        cell={
            "table": table,
            "key": dict(key),
            "column": column,
            "value": row[column],
            "confidence": row.get("confidence"),
            "query": query,
            "column_means": texts[1],
            "row_means": texts[0],
        },
        rules=_find_rules(" ".join(text or "" for text in texts)),
        facts=facts,
        documents=find_documents(connection, sources),
        records=find_records(connection, [row], *facts.values()),
    )


def read_key(connection: DuckDBPyConnection, table: str, text: str) -> dict[str, str]:
    """Return a key written as values in the order of the columns, or as column=value.

    A value that holds a comma stands in double quotes.
    """
    columns = list_columns(connection, table)
    (parts,) = csv.reader([text], skipinitialspace=True)
    if all(part.partition("=")[0] in columns and "=" in part for part in parts):
        return dict(tuple(part.split("=", 1)) for part in parts)
    if len(parts) > len(columns):
        raise ExplainError(f"{table} has no {len(parts)} columns")
    return dict(zip(columns, parts, strict=False))


def list_columns(connection: DuckDBPyConnection, table: str) -> list[str]:
    """Return the columns of a published table."""
    found = ask(
        connection,
        "select column_name from duckdb_columns() where database_name = current_database()"
        " and schema_name || '.' || table_name = $table order by column_index",
        {"table": table},
    )
    if not found:
        raise ExplainError(f"the release has no table {table}; `.tables` in make query lists them")
    return [row["column_name"] for row in found]


def write_query(table: str, key: Mapping[str, str], columns: Sequence[str]) -> str:
    """Return the query that gives cells of a row."""
    return f"select {', '.join(columns)} from {table} where {_where(key)}"


def ask(
    connection: DuckDBPyConnection, sql: str, values: Mapping[str, Any] | None = None
) -> list[Row]:
    """Return the rows of a query with the parameters that it uses."""
    used = {
        name: value for name, value in (values or {}).items() if name in _PARAMETER.findall(sql)
    }
    connection.execute(sql, used or None)
    names = [described[0] for described in connection.description or []]
    return [dict(zip(names, row, strict=True)) for row in connection.fetchall()]


def find_documents(connection: DuckDBPyConnection, sources: Iterable[str]) -> list[Row]:
    """Return who published what, where and how near it is to the fact."""
    return ask(
        connection,
        "select source_id, publisher, title, url, locator, published_on, tier, read"
        " from core.dim_source where source_id in (select unnest($sources)) order by source_id",
        {"sources": sorted(sources)},
    )


def find_records(connection: DuckDBPyConnection, *lists: Sequence[Row]) -> list[Row]:
    """Return the ledger's records that rows name, with the hash of what each said."""
    wanted = {
        f"{kind}:{name}"
        for rows in lists
        for column, kind in _RECORDS.items()
        for name in _collect(rows, column)
    }
    return ask(
        connection,
        "select record_kind, record_id, content_hash, first_seen_release"
        " from audit.record_history where record_kind || ':' || record_id in"
        " (select unnest($wanted)) order by record_kind, record_id",
        {"wanted": sorted(wanted)},
    )


def _where(key: Mapping[str, str]) -> str:
    return " and ".join(f"{name} = {quote_text(value)}" for name, value in key.items())


def _find_row(connection: DuckDBPyConnection, table: str, key: Mapping[str, str]) -> Row:
    rows = ask(connection, f"select * from {table} where {_where(key)} order by all limit 6")
    named = ", ".join(f"{name} {value}" for name, value in key.items())
    if not rows:
        raise ExplainError(f"{table} has no row with {named}")
    if len(rows) > 1:
        differing = [name for name in rows[0] if len({str(row[name]) for row in rows}) > 1]
        raise ExplainError(
            f"{table} has several rows with {named}; add one of {', '.join(differing)}"
        )
    return rows[0]


def _find_facts(
    connection: DuckDBPyConnection, table: str, row: Row, today: date
) -> dict[str, list[Row]]:
    """Return the facts of the table's own list, then the row itself, events and links of deals."""
    values = {**row, "today": today}
    facts = {name: ask(connection, sql, values) for name, sql in FACTS.get(table, {}).items()}
    facts = {"row": [row], **facts}
    deals = {
        deal
        for rows in facts.values()
        for column in ("deal_id", "other_deal_id", "deal_ids")
        for deal in _collect(rows, column)
    }
    if deals:
        values = {"deals": sorted(deals), "day": row.get("month_end") or today}
        facts["events"] = ask(
            connection,
            "select * from core.fct_deal_event where deal_id in (select unnest($deals))"
            " and known_on <= $day order by deal_id, event_seq",
            values,
        )
        facts["links"] = ask(
            connection,
            "select * from core.fct_deal_link where deal_id in (select unnest($deals))"
            " and known_on <= $day and (valid_to is null or valid_to > $day)"
            " order by deal_id, link_seq",
            values,
        )
    return facts


def _collect(rows: Iterable[Row], column: str) -> set[str]:
    """Return what a column of names, or of lists of names, holds."""
    values = (row.get(column) for row in rows)
    return {
        name
        for value in values
        if value is not None
        for name in (value if isinstance(value, list) else [value])
    }


def _describe(connection: DuckDBPyConnection, table: str, column: str) -> tuple[str, str]:
    (described,) = ask(
        connection,
        "select owner.comment as row_means, own.comment as column_means"
        " from duckdb_columns() as own inner join duckdb_tables() as owner"
        " on own.table_oid = owner.table_oid and own.database_name = owner.database_name"
        " where own.database_name = current_database() and own.column_name = $column"
        " and own.schema_name || '.' || own.table_name = $table",
        {"table": table, "column": column},
    )
    return described["row_means"], described["column_means"]


def _find_rules(text: str) -> list[Row]:
    named = set(_RULE_NAME.findall(text))
    stated = _RULE.findall(_SEMANTICS.read_text(encoding="utf-8"))
    return [
        {"rule": rule, "about": about, "text": text}
        for rule, about, text in stated
        if rule in named
    ]


def to_json(value: object) -> str:
    """Write an explanation or a citation; decimals and days as text, as they stand in SQL."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Decimal | date | datetime):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def tell(explanation: Explanation) -> str:
    """Return an explanation as a person reads it."""
    cell, release = explanation.cell, explanation.release
    named = ", ".join(f"{name} {value}" for name, value in cell["key"].items())
    lines = [
        f"{cell['table']}, {named}",
        f"{cell['column']} = {_brief(cell['value'])}",
        "",
        f"column   {cell['column_means']}",
        f"row      {cell['row_means']}",
        f"query    {cell['query']}",
        f"release  {release['release_id']}, as known on {release['today']}",
        f"content  {release['content_hash']}",
        "",
        "rules",
        *(f"  {rule['rule']} {rule['about']}: {rule['text']}" for rule in explanation.rules),
    ]
    for name, rows in explanation.facts.items():
        lines += ["", f"{name} ({len(rows)})", *(f"  {_tell_row(row)}" for row in rows)]
    lines += ["", f"documents ({len(explanation.documents)})"]
    lines += [f"  {_tell_document(document)}" for document in explanation.documents]
    lines += ["", f"records ({len(explanation.records)})"]
    lines += [
        f"  {record['record_kind']} {record['record_id']} {record['content_hash']}"
        for record in explanation.records
    ]
    return "\n".join(lines)


def _tell_row(row: Row) -> str:
    shown = ((name, value) for name, value in row.items() if value is not None)
    return ", ".join(f"{name} {_brief(value)}" for name, value in shown)


def _brief(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, list):
        return "[" + " ".join(map(str, value)) + "]"
    return str(value)


def _tell_document(document: Row) -> str:
    place = document["url"] or document["locator"] or "no address"
    return (
        f"{document['source_id']}: {document['title']}, {document['publisher']},"
        f" {document['published_on'] or 'no date'}, {document['tier']}, {document['read']}, {place}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print an explanation; the exit code is 1 when there is none."""
    parser = argparse.ArgumentParser(prog="explain", description=__doc__.split("\n")[0])
    parser.add_argument("table", help="schema and name, as marts.capacity_by_customer")
    parser.add_argument("key", help='"openai,net" in the order of the columns, or column=value,…')
    parser.add_argument("column", help="the column of the figure, as total_gw_base")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    try:
        with open_release(read_settings().release_file) as connection:
            key = read_key(connection, options.table, options.key)
            explanation = explain(connection, options.table, key, options.column)
    except (SettingsError, FileNotFoundError, DamagedError, ExplainError, duckdb.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(to_json(asdict(explanation)) if options.json else tell(explanation))
    return 0


if __name__ == "__main__":
    # An explanation is long, and whoever reads only its head closes the pipe.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())

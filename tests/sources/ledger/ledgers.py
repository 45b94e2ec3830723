"""A small good ledger, and ways to write it down and load it."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from sources.ledger.flatten import RAW_TABLES
from sources.ledger.load import LedgerReport, load_ledger
from sources.ledger.parse import FOLDERS, ID_FIELDS

TODAY = dt.date(2026, 11, 25)

Records = dict[str, list[dict[str, Any]]]

_ORGANIZATIONS = [
    {"id": "openai", "name": "OpenAI", "kind": "ai_lab", "country": "US"},
    {"id": "oracle", "name": "Oracle", "kind": "hyperscaler", "cik": "0001341439"},
    {"id": "nvidia", "name": "NVIDIA", "kind": "chip_vendor", "ticker": "NVDA"},
]

_DOCUMENTS = [
    {
        "id": f"paper-{number}",
        "publisher": "A paper",
        "title": f"Report {number}",
        "url": f"https://example.org/{number}",
        "published_on": "2025-05",
        "tier": "secondary",
        "read": "full",
    }
    for number in (1, 2, 3)
]

_DEALS = [
    {
        "id": "openai-oracle",
        "title": "OpenAI rents capacity from Oracle",
        "kind": "cloud_services",
        "parties": [
            {"org": "openai", "role": "customer"},
            {"org": "oracle", "role": "cloud_provider", "share": 1},
        ],
        "events": [
            {
                "known_on": "2025-07-22",
                "kind": "announced",
                "commitment": "framework",
                "capacity_gw": {"value": 4.5, "qualifier": "up_to", "note": "of Stargate"},
                "sources": ["paper-1"],
            },
            {
                "known_on": "2025-09",
                "kind": "signed",
                "commitment": "definitive",
                "capacity_note": "no new figure",
                "online_gw": {"value": 0.2, "qualifier": "about", "basis": "it"},
                "value_usd": {
                    "value": 300000000000,
                    "qualifier": "about",
                    "conditional": True,
                    "original": {"amount": 280000000000, "currency": "EUR"},
                },
                "term": {"starts": 2027, "ends": None, "years": 5},
                "phases": [
                    {"seq": 1, "capacity_gw": 1.2, "basis": "facility", "starts": "2026-H2"},
                    {
                        "seq": 2,
                        "capacity_gw": {
                            "qualifier": "range",
                            "low": 0.5,
                            "high": 1.5,
                            "basis": "it",
                        },
                        "online_on": "2027-01-05",
                    },
                ],
                "links": [],
                "sources": ["paper-1", "paper-2"],
            },
        ],
        "phases": [{"seq": 1, "capacity_gw": None, "starts": "2026", "note": "first hall"}],
        "confidence": "medium",
        "notes": "Said in a call.",
    },
    {
        "id": "oracle-nvidia",
        "title": "Oracle buys systems from NVIDIA",
        "kind": "compute_supply",
        "parties": [
            {"org": "oracle", "role": "customer"},
            {"org": "nvidia", "role": "chip_vendor", "known_on": "2025-10"},
        ],
        "events": [
            {
                "known_on": "2025-09-30",
                "kind": "reported",
                "commitment": "rumoured",
                "value_usd": {"value": 40000000000, "qualifier": "about", "cash": False},
                "sources": ["paper-3"],
            }
        ],
        "links": [
            {
                "to": "openai-oracle",
                "relation": "supplies",
                "shared_usd": {"value": 40000000000, "qualifier": "up_to"},
            }
        ],
        "confidence": "low",
    },
]

_CLAIMS = [
    {
        "id": "tokens-tenfold",
        "title": "Tokens grew ten times in a year",
        "said_by": "nvidia",
        "known_on": "2025-05-28",
        "measure": "token_growth_factor",
        "claimed": {"value": 10, "qualifier": "about"},
        "unit": "multiple_per_year",
        "span": {"from": "2024-05", "to": "2025-05"},
        "sources": ["paper-1"],
        "disputed_by": ["paper-2"],
        "confidence": "low",
    }
]

_ASSUMPTIONS = [
    {
        "id": "cost-gw",
        "topic": "capex_per_gw",
        "metric": "all-in capital cost per GW",
        "value": 50000000000,
        "low": 29000000000,
        "high": 60000000000,
        "unit": "usd_per_gw",
        "as_of": "2025-10-07",
        "basis": "model input",
        "sources": [],
        "confidence": "low",
    }
]

_SCENARIOS = [
    {
        "metric": "usd_per_gw",
        "unit": "usd_per_gw",
        "low": {"assumption": "cost-gw", "take": "low"},
        "base": {"assumption": "cost-gw", "take": "value"},
        "high": {"assumption": "cost-gw", "take": "high"},
    }
]

_TOKENS = [
    {
        "id": "openai-api-2025-10",
        "org": "openai",
        "scope": "api",
        "measure": "processed",
        "level": "provider_part",
        "period": {"kind": "minute", "of": "2025-10-06"},
        "tokens": {"value": 6000000000, "qualifier": "about"},
        "basis": "stated",
        "known_on": "2025-10-06",
        "sources": ["paper-2"],
        "confidence": "medium",
    }
]

_CAPEX = [
    {
        "id": "oracle-2026q3",
        "org": "oracle",
        "kind": "capex_actual",
        "metric": "purchases_of_property_and_equipment",
        "period_end": "2026-08-31",
        "calendar_quarter": "2026Q3",
        "amount_usd": {"value": 12000000000.25, "qualifier": "exact"},
        "basis": "reported",
        "sources": ["paper-3"],
        "confidence": "high",
    }
]


def make_records() -> Records:
    """Return the records of a good ledger by folder, free to be spoilt."""
    return copy.deepcopy(
        {
            "organizations": _ORGANIZATIONS,
            "documents": _DOCUMENTS,
            "deals": _DEALS,
            "claims": _CLAIMS,
            "assumptions": _ASSUMPTIONS,
            "scenarios": _SCENARIOS,
            "tokens": _TOKENS,
            "capex": _CAPEX,
        }
    )


def write_yaml(folder: Path, records: Mapping[str, Sequence[Any]]) -> Path:
    """Write a ledger as YAML files. JSON is YAML, which is all that is needed here."""
    for name, (kind, list_key) in FOLDERS.items():
        rows = records.get(name, [])
        (folder / name).mkdir(parents=True, exist_ok=True)
        if list_key is not None:
            if rows:
                (folder / name / "all.yml").write_text(json.dumps({list_key: rows}))
            continue
        for number, row in enumerate(rows):
            record_id = row.get(ID_FIELDS[kind]) if isinstance(row, dict) else None
            stem = record_id if isinstance(record_id, str) and record_id else f"row-{number}"
            (folder / name / f"{stem.replace('/', '_')}.yml").write_text(json.dumps(row))
    return folder


def write_json_lines(folder: Path, records: Mapping[str, Sequence[Any]]) -> Path:
    """Write a ledger as JSON Lines."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in records.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text)
    return folder


def write_parquet(folder: Path, json_lines: Path) -> Path:
    """Write what stands in a folder of JSON Lines as Parquet, typed as DuckDB sees fit."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        for path in sorted(json_lines.glob("*.jsonl")):
            connection.execute(
                "copy (select * from read_json(?, format = 'newline_delimited',"
                " sample_size = -1, maximum_depth = -1, map_inference_threshold = -1))"
                f" to '{folder / path.stem}.parquet'",
                [str(path)],
            )
    return folder


def load(
    folder: Path, *, today: dt.date = TODAY, latest_day: dt.date | None = None
) -> tuple[duckdb.DuckDBPyConnection, LedgerReport]:
    """Load a ledger into a database of its own, and see that its counts tie."""
    connection = duckdb.connect()
    report = load_ledger(connection, folder, today=today, latest_day=latest_day)
    for kind, count in report.counts.items():
        assert count.accepted + count.quarantined == count.received, (kind, count)
    assert list_rows(
        connection,
        "select record_kind, received, accepted, quarantined from raw_ledger.input_count",
    ) == [
        (kind, count.received, count.accepted, count.quarantined)
        for kind, count in report.counts.items()
    ]
    return connection, report


def load_yaml_records(
    folder: Path, records: Records
) -> tuple[duckdb.DuckDBPyConnection, LedgerReport]:
    """Write records as YAML and load them."""
    return load(write_yaml(folder, records))


def list_rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    return connection.execute(sql).fetchall()


def list_rules(report: LedgerReport) -> set[tuple[str, str | None, str]]:
    """Return kind, id and rule of each refusal."""
    return {(item.record_kind, item.record_id, item.rule) for item in report.refusals}


def read_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each raw table without their origin."""
    return {
        name: sorted(
            list_rows(connection, f"select * exclude (file, line) from raw_ledger.{name}"), key=str
        )
        for name in RAW_TABLES
    }

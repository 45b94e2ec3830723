"""Runs the compiled models on a ledger in one process, without dbt, so that hundreds fit a test.

`compile_project` runs `dbt compile` once, in a child process; `CompiledProject` reads what it
wrote; `Warehouse` is an in-memory database under the name that the compiled SQL uses. A ledger
comes in as plain dicts (`insert_ledger`), following the contract of the raw tables.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import yaml

from sources.sql import quote_text
from sources.feeds.feed import find_feeds
from sources.feeds.load import create_tables
from sources.ledger.vocabulary import list_words
from tests.warehouse.oracle import last_day_of

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt_project"
DATABASE = "gigaledger"

Record = Mapping[str, Any]
Ledger = Mapping[str, Sequence[Record]]

_GW = "decimal(18,9)"
_USD = "decimal(20,2)"


def _quantity(prefix: str, kind: str) -> dict[str, str]:
    return {
        f"{prefix}_value": kind,
        f"{prefix}_qualifier": "varchar",
        f"{prefix}_low": kind,
        f"{prefix}_high": kind,
    }


def _texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "varchar")


_PLACE = {"file": "varchar", "line": "integer"}
_IDS = "varchar[]"

RAW_TABLES: dict[str, dict[str, str]] = {
    "deal": {**_texts("deal_id", "title", "kind", "confidence", "notes"), **_PLACE},
    "deal_party": {
        "deal_id": "varchar",
        "party_seq": "integer",
        **_texts("org_id", "role"),
        "share": "decimal(9,6)",
        **_texts("known_on", "note"),
        **_PLACE,
    },
    "deal_event": {
        "deal_id": "varchar",
        "event_seq": "integer",
        **_texts("known_on", "kind", "commitment"),
        **_quantity("capacity", _GW),
        **_texts("capacity_basis", "capacity_note"),
        **_quantity("online", _GW),
        "online_basis": "varchar",
        **_quantity("usd", _USD),
        "usd_is_cash": "boolean",
        "usd_is_conditional": "boolean",
        "usd_is_estimate": "boolean",
        "original_amount": _USD,
        **_texts("original_currency", "usd_note"),
        "has_term": "boolean",
        **_texts("term_starts", "term_ends"),
        "term_years": "decimal(9,3)",
        "has_phases": "boolean",
        "has_links": "boolean",
        "is_retold": "boolean",
        "source_ids": _IDS,
        **_PLACE,
    },
    "deal_phase": {
        "deal_id": "varchar",
        "event_seq": "integer",
        "phase_seq": "integer",
        **_quantity("capacity", _GW),
        **_texts("capacity_basis", "starts", "ends", "online_on", "note"),
        **_PLACE,
    },
    "deal_link": {
        "deal_id": "varchar",
        "event_seq": "integer",
        "link_seq": "integer",
        **_texts("to_deal_id", "relation", "known_on"),
        **_quantity("shared_gw", _GW),
        **_quantity("shared_usd", _USD),
        "note": "varchar",
        **_PLACE,
    },
    "organization": {**_texts("org_id", "name", "kind", "country", "ticker", "cik"), **_PLACE},
    "document": {
        **_texts("source_id", "publisher", "title", "url", "locator", "published_on", "tier"),
        **_texts("read", "reports_on", "note"),
        **_PLACE,
    },
    "claim": {
        **_texts("claim_id", "title", "said_by", "known_on", "measure"),
        **_quantity("claimed", "decimal(30,9)"),
        **_texts("unit", "org_id", "span_from", "span_to"),
        "is_retold": "boolean",
        "source_ids": _IDS,
        "disputed_by": _IDS,
        **_texts("confidence", "notes"),
        **_PLACE,
    },
    "assumption": {
        **_texts("assumption_id", "topic", "metric", "org_id"),
        "value": "decimal(30,9)",
        "low": "decimal(30,9)",
        "high": "decimal(30,9)",
        **_texts("unit", "as_of", "known_on", "basis"),
        "is_retold": "boolean",
        "source_ids": _IDS,
        **_texts("confidence", "notes"),
        **_PLACE,
    },
    "scenario": {
        **_texts("metric", "unit", "scenario", "assumption_id", "take", "transform"),
        "tokens_per_prompt": "decimal(18,3)",
        "notes": "varchar",
        **_PLACE,
    },
    "token_observation": {
        **_texts("observation_id", "org_id", "scope", "measure", "level"),
        **_texts("period_kind", "period_of", "period_to"),
        **_quantity("tokens", "decimal(38,3)"),
        **_texts("basis", "known_on"),
        "is_retold": "boolean",
        "source_ids": _IDS,
        **_texts("confidence", "notes"),
        **_PLACE,
    },
    "capex": {
        **_texts("capex_id", "org_id", "kind", "metric", "period_end", "calendar_quarter"),
        **_texts("calendar_span", "fiscal_quarter", "for_period", "known_on"),
        **_quantity("amount", _USD),
        "basis": "varchar",
        "is_retold": "boolean",
        "source_ids": _IDS,
        **_texts("confidence", "notes"),
        **_PLACE,
    },
    "vocabulary": {
        **_texts("vocabulary", "word"),
        "rank": "integer",
        "meaning": "varchar",
    },
    "build": {"today": "date"},
    "quarantine": {
        **_texts("record_kind", "record_id"),
        **_PLACE,
        **_texts("field", "rule", "severity", "raw_text", "message", "remedy"),
    },
    "input_count": {
        "record_kind": "varchar",
        "received": "bigint",
        "accepted": "bigint",
        "quarantined": "bigint",
    },
}
"""The contract between what loads a ledger and the models."""


def _joined_notes(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _spread_quantity(prefix: str, quantity: Any) -> dict[str, Any]:
    if quantity is None:
        return {}
    if not isinstance(quantity, Mapping):
        quantity = {"value": quantity, "qualifier": "exact"}
    return {
        f"{prefix}_{part}": quantity.get(part) for part in ("value", "qualifier", "low", "high")
    }


def _event_row(deal_id: str, seq: int, event: Record) -> dict[str, Any]:
    capacity, online = event.get("capacity_gw") or {}, event.get("online_gw") or {}
    money, term = event.get("value_usd") or {}, event.get("term") or {}
    original = money.get("original") or {}
    return {
        "deal_id": deal_id,
        "event_seq": seq,
        "known_on": _text(event["known_on"]),
        "kind": event["kind"],
        "commitment": event["commitment"],
        **_spread_quantity("capacity", capacity or None),
        "capacity_basis": capacity.get("basis", "unspecified") if capacity else None,
        "capacity_note": _joined_notes(capacity.get("note"), event.get("capacity_note")),
        **_spread_quantity("online", online or None),
        "online_basis": online.get("basis", "unspecified") if online else None,
        **_spread_quantity("usd", money or None),
        "usd_is_cash": money.get("cash", True) if money else None,
        "usd_is_conditional": money.get("conditional", False) if money else None,
        "usd_is_estimate": money.get("is_estimate", False) if money else None,
        "original_amount": original.get("amount"),
        "original_currency": original.get("currency"),
        "usd_note": _joined_notes(money.get("note"), event.get("value_note")),
        "has_term": event.get("term") is not None,
        "term_starts": _text(term.get("starts")),
        "term_ends": _text(term.get("ends")),
        "term_years": term.get("years"),
        "has_phases": event.get("phases") is not None,
        "has_links": event.get("links") is not None,
        "is_retold": event.get("retold", False),
        "source_ids": event.get("sources", []),
    }


def _phase_row(deal_id: str, event_seq: int, phase: Record) -> dict[str, Any]:
    stated = phase.get("capacity_gw")
    quantity = stated if isinstance(stated, Mapping) else {}
    return {
        "deal_id": deal_id,
        "event_seq": event_seq,
        "phase_seq": phase["seq"],
        **_spread_quantity("capacity", stated),
        "capacity_basis": phase.get("basis") or quantity.get("basis"),
        "starts": _text(phase.get("starts")),
        "ends": _text(phase.get("ends")),
        "online_on": _text(phase.get("online_on")),
        "note": _joined_notes(quantity.get("note"), phase.get("note")),
    }


def _link_row(deal_id: str, event_seq: int, seq: int, link: Record) -> dict[str, Any]:
    return {
        "deal_id": deal_id,
        "event_seq": event_seq,
        "link_seq": seq,
        "to_deal_id": link["to"],
        "relation": link["relation"],
        "known_on": _text(link.get("known_on")),
        **_spread_quantity("shared_gw", link.get("shared_gw")),
        **_spread_quantity("shared_usd", link.get("shared_usd")),
        "note": link.get("note"),
    }


def _deal_rows(deals: Iterable[Record]) -> Iterator[tuple[str, dict[str, Any]]]:
    for deal in deals:
        deal_id = deal["id"]
        place = {"deal_id": deal_id}
        yield (
            "deal",
            {
                **place,
                **{name: deal.get(name) for name in ("title", "kind", "confidence", "notes")},
            },
        )
        for seq, party in enumerate(deal["parties"], 1):
            yield (
                "deal_party",
                {
                    **place,
                    "party_seq": seq,
                    "org_id": party["org"],
                    "role": party["role"],
                    "share": party.get("share"),
                    "known_on": _text(party.get("known_on")),
                    "note": party.get("note"),
                },
            )
        for seq, event in enumerate(deal["events"], 1):
            yield "deal_event", _event_row(deal_id, seq, event)
        for seq, holder in enumerate((deal, *deal["events"])):
            for phase in holder.get("phases") or ():
                yield "deal_phase", _phase_row(deal_id, seq, phase)
            for link_seq, link in enumerate(holder.get("links") or (), 1):
                yield "deal_link", _link_row(deal_id, seq, link_seq, link)


def _series_rows(ledger: Ledger) -> Iterator[tuple[str, dict[str, Any]]]:
    for org in ledger.get("organizations", ()):
        yield "organization", {**org, "org_id": org["id"]}
    for document in ledger.get("documents", ()):
        row = {**document, "source_id": document["id"]}
        yield "document", {**row, "published_on": _text(document.get("published_on"))}
    for claim in ledger.get("claims", ()):
        span = claim.get("span") or {}
        yield (
            "claim",
            {
                **claim,
                "claim_id": claim["id"],
                "known_on": _text(claim["known_on"]),
                **_spread_quantity("claimed", claim["claimed"]),
                "org_id": claim.get("org"),
                "span_from": _text(span.get("from")),
                "span_to": _text(span.get("to")),
                "is_retold": claim.get("retold", False),
                "source_ids": claim.get("sources", []),
                "disputed_by": claim.get("disputed_by", []),
            },
        )
    for assumption in ledger.get("assumptions", ()):
        yield (
            "assumption",
            {
                **assumption,
                "assumption_id": assumption["id"],
                "org_id": assumption.get("org"),
                "as_of": _text(assumption["as_of"]),
                "known_on": _text(assumption.get("known_on")),
                "is_retold": assumption.get("retold", False),
                "source_ids": assumption.get("sources", []),
            },
        )
    for scenario in ledger.get("scenarios", ()):
        for name in ("low", "base", "high"):
            part = scenario[name]
            yield (
                "scenario",
                {**scenario, **part, "scenario": name, "assumption_id": part["assumption"]},
            )
    for observation in ledger.get("token_observations", ()):
        yield (
            "token_observation",
            {
                **observation,
                "observation_id": observation["id"],
                "org_id": observation["org"],
                "period_kind": observation["period"]["kind"],
                "period_of": _text(observation["period"]["of"]),
                "period_to": _text(observation["period"].get("to")),
                **_spread_quantity("tokens", observation["tokens"]),
                "known_on": _text(observation["known_on"]),
                "is_retold": observation.get("retold", False),
                "source_ids": observation.get("sources", []),
            },
        )
    for capex in ledger.get("capex", ()):
        yield (
            "capex",
            {
                **capex,
                "capex_id": capex["id"],
                "org_id": capex["org"],
                **{
                    name: _text(capex.get(name))
                    for name in ("period_end", "calendar_quarter", "calendar_span", "known_on")
                },
                **{name: _text(capex.get(name)) for name in ("fiscal_quarter", "for_period")},
                **_spread_quantity("amount", capex.get("amount_usd") or capex.get("amount")),
                "is_retold": capex.get("retold", False),
                "source_ids": capex.get("sources", []),
            },
        )


@dataclass(frozen=True)
class Model:
    """A compiled model."""

    name: str
    schema: str
    sql: str
    parents: tuple[str, ...]
    arguments: tuple[str, ...] | None
    """The arguments of a table macro; None for a relation."""
    description: str
    texts: Mapping[str, str]
    """What each column means."""

    @property
    def statement(self) -> str:
        """What makes the model anew."""
        target = f"{DATABASE}.{self.schema}.{self.name}"
        if self.arguments is None:
            return f"create or replace table {target} as\n{self.sql}"
        arguments = ", ".join(self.arguments)
        return f"create or replace macro {target}({arguments}) as table\n{self.sql}"


class CompiledProject:
    """The models of a dbt manifest with their compiled SQL."""

    def __init__(self, manifest: Path) -> None:
        self.manifest = json.loads(manifest.read_text())
        nodes = self.manifest["nodes"].values()
        self.models = {
            node["unique_id"]: _to_model(node)
            for node in nodes
            if node["resource_type"] == "model" and node["config"]["materialized"] != "ephemeral"
        }

    @cached_property
    def _id_of(self) -> dict[str, str]:
        return {model.name: unique_id for unique_id, model in self.models.items()}

    def names(self) -> list[str]:
        """Every model."""
        return sorted(self._id_of)

    def in_order(self, names: Iterable[str]) -> list[Model]:
        """The named models and their ancestors, each after what it reads."""
        ordered: dict[str, Model] = {}

        def add(unique_id: str) -> None:
            model = self.models.get(unique_id)
            if model is None or unique_id in ordered:
                return
            for parent in model.parents:
                add(parent)
            ordered[unique_id] = model

        for name in names:
            add(self._id_of[name])
        return list(ordered.values())


def _to_model(node: Record) -> Model:
    config = node["config"]
    arguments = config.get("arguments") if config["materialized"] == "table_macro" else None
    return Model(
        name=node["alias"],
        schema=node["schema"],
        sql=node["compiled_code"],
        parents=tuple(node["depends_on"]["nodes"]),
        arguments=None if arguments is None else tuple(arguments),
        description=node["description"],
        texts={name: column["description"] for name, column in node["columns"].items()},
    )


class Warehouse:
    """An in-memory database with the raw tables, in which models are built again and again."""

    def __init__(
        self, project: CompiledProject, models: Iterable[str], *, threads: int = 1
    ) -> None:
        self._folder = TemporaryDirectory()
        self.connection = duckdb.connect(":memory:", config={"threads": threads})
        self._models = project.in_order(models)
        self.connection.execute(f"attach ':memory:' as {DATABASE}; use {DATABASE}")
        for schema in sorted({"raw_ledger", *(model.schema for model in self._models)}):
            self.connection.execute(f"create schema if not exists {schema}")
        for table, columns in RAW_TABLES.items():
            described = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            self.connection.execute(f"create table raw_ledger.{table} ({described})")
        create_tables(self.connection, find_feeds().values())
        self._insert(_vocabulary_rows())

    def load(self, ledger: Ledger, *, today: dt.date) -> None:
        """Puts the ledger in the place of the one before and builds the models."""
        self.load_raw(ledger, today=today)
        self.build()

    def load_raw(self, ledger: Ledger, *, today: dt.date) -> None:
        """Puts the ledger into the raw tables."""
        for table in RAW_TABLES.keys() - {"vocabulary"}:
            self.connection.execute(f"truncate raw_ledger.{table}")
        self._insert(chain(_deal_rows(ledger["deals"]), _series_rows(ledger)))
        self.connection.execute("insert into raw_ledger.build values (?)", [today])

    def build(self) -> None:
        """Makes every model from what is in the raw tables."""
        for model in self._models:
            try:
                self.connection.execute(model.statement)
            except duckdb.Error as error:
                error.add_note(f"in {model.schema}.{model.name}")
                raise

    def describe(self) -> None:
        """Puts the descriptions of the models on their tables and macros, as dbt does."""
        for model in self._models:
            if model.arguments is not None:
                self.connection.execute(
                    f"comment on macro table {model.name} is {quote_text(model.description)}"
                )
                continue
            table = f"{model.schema}.{model.name}"
            self.connection.execute(f"comment on table {table} is {quote_text(model.description)}")
            for column, text in model.texts.items():
                self.connection.execute(f"comment on column {table}.{column} is {quote_text(text)}")

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query, by column name."""
        answer = self.connection.execute(query, list(parameters))
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def hash_of(self, relation: str) -> str:
        """A hash over the rows of a relation, whatever their order."""
        rows = sorted(map(repr, self.connection.execute(f"select * from {relation}").fetchall()))
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def _insert(self, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Through JSON Lines read as text: ten times faster than values in a statement."""
        lines: dict[str, list[str]] = defaultdict(list)
        for table, row in rows:
            lines[table].append(json.dumps(row, default=str))
        for table, written in lines.items():
            path = Path(self._folder.name) / f"{table}.jsonl"
            path.write_text("\n".join(written))
            columns = RAW_TABLES[table]
            typed = ", ".join(f"cast({name} as {kind})" for name, kind in columns.items())
            read = ", ".join(
                f"{name}: '{'varchar[]' if kind == _IDS else 'varchar'}'"
                for name, kind in columns.items()
            )
            self.connection.execute(
                f"insert into raw_ledger.{table} select {typed} from "
                f"read_json('{path}', format = 'newline_delimited', columns = {{{read}}})"
            )


def _vocabulary_rows() -> Iterator[tuple[str, dict[str, Any]]]:
    for word in list_words():
        yield "vocabulary", word._asdict()


def compile_project(cache: Path) -> CompiledProject:
    """The compiled project, from the cache when nothing in it has changed."""
    digest = hashlib.sha256()
    for path in sorted(PROJECT.rglob("*")):
        if (
            path.suffix in (".sql", ".yml", ".md")
            and "target" not in path.relative_to(PROJECT).parts
        ):
            digest.update(str(path.relative_to(PROJECT)).encode() + path.read_bytes())
    target = cache / digest.hexdigest()[:16]
    manifest = target / "manifest.json"
    # Tests run in several processes; one of them compiles.
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not manifest.exists():
            for earlier in filter(Path.is_dir, cache.iterdir()):
                shutil.rmtree(earlier)
            target.mkdir()
            _make_work_database(target / f"{DATABASE}.duckdb")
            _run_dbt_compile(target)
    return CompiledProject(manifest)


def _make_work_database(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw_ledger")
        for table, columns in RAW_TABLES.items():
            described = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            connection.execute(f"create table raw_ledger.{table} ({described})")
        create_tables(connection, find_feeds().values())


def _run_dbt_compile(target: Path) -> None:
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "compile", "--quiet"]
    for option, path in (
        ("--project-dir", PROJECT),
        ("--profiles-dir", PROJECT),
        ("--target-path", target),
        ("--log-path", target),
    ):
        command += [option, str(path)]
    finished = subprocess.run(
        command,
        env={**os.environ, "GIGALEDGER_WORK_DB": str(target / f"{DATABASE}.duckdb")},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        shutil.rmtree(target)
        raise RuntimeError(f"dbt compile failed:\n{finished.stdout}\n{finished.stderr}")


_SERIES_FOLDERS = {
    "assumptions": "assumptions",
    "scenarios": "scenarios",
    "tokens": "observations",
    "capex": "rows",
}


def read_ledger(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """A ledger folder as plain dicts."""

    def read(kind: str) -> list[dict[str, Any]]:
        return [
            yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
            for path in sorted((folder / kind).glob("*.yml"))
        ]

    ledger = {kind: read(kind) for kind in ("deals", "organizations", "claims")}
    documents = [document for file in read("documents") for document in file["documents"]]
    for records in (ledger["deals"], ledger["claims"]):
        documents += [d for record in records for d in record.pop("documents", ())]
    for kind, list_name in _SERIES_FOLDERS.items():
        files = read(kind)
        documents += [document for file in files for document in file.get("documents", ())]
        name = "token_observations" if kind == "tokens" else kind
        ledger[name] = [record for file in files for record in file[list_name]]
    return {**ledger, "documents": documents}


def truncate_ledger(ledger: Ledger, day: dt.date) -> dict[str, Sequence[Record]]:
    """Only what was known by a day."""

    def is_known(record: Record) -> bool:
        return record.get("known_on") is None or last_day_of(record["known_on"]) <= day

    kept = {
        deal["id"]: deal
        for deal in ledger["deals"]
        if any(is_known(event) for event in deal["events"])
    }

    def known_links(holder: Record) -> Record:
        if holder.get("links") is None:
            return holder
        links = [link for link in holder["links"] if link["to"] in kept and is_known(link)]
        return {**holder, "links": links}

    deals = [
        {
            **known_links(deal),
            "parties": [party for party in deal["parties"] if is_known(party)],
            "events": [known_links(event) for event in deal["events"] if is_known(event)],
        }
        for deal in kept.values()
    ]
    return {
        **ledger,
        "deals": deals,
        "claims": [claim for claim in ledger.get("claims", ()) if is_known(claim)],
        "assumptions": [
            assumption
            for assumption in ledger.get("assumptions", ())
            if last_day_of(assumption.get("known_on") or assumption["as_of"]) <= day
        ],
        "token_observations": [o for o in ledger.get("token_observations", ()) if is_known(o)],
        "capex": [capex for capex in ledger.get("capex", ()) if is_known(capex)],
    }

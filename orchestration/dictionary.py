"""The data dictionary, docs/dictionary.md: every published table and macro with its columns.

Tables, types and texts are those of a release, where dbt and the release put them; units and
arguments come from dbt's manifest. `make pages` writes it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.dbt_process import DbtError, read_manifest
from orchestration.intact import DamagedError
from orchestration.pages import write_line
from orchestration.query import COLUMNS, open_release
from orchestration.settings import ROOT, SettingsError, read_settings

DICTIONARY = ROOT / "docs" / "dictionary.md"

_SCHEMAS = {
    "core": "Facts and dimensions: the ledger and the feeds, typed and bounded.",
    "marts": "What people and BI tools read: totals, schedules, growth, loops, claims.",
    "audit": "What was published, checked, refused and seen.",
}
_HEAD = """\
# Data dictionary

Every table and macro of a release, made by `make pages` from the descriptions beside the models in
`dbt_project/models/` and those of the tables that a release adds (`orchestration/history.py`): edit
those. The first sentence of each says what one row is. `_low`, `_base` and `_high` are bounds (S1);
[what the numbers mean](semantics.md) has the rules that the texts name, [methods](methods.md) an
example of each. `.tables` and `.columns core.dim_deal` in `make query` show the same. `make docs`
writes `warehouse/docs/index.html`: dbt's pages, with the lineage of each table down to the ledger.
"""
_TABLES = """
select schema_name || '.' || table_name as name, comment
from duckdb_tables()
where database_name = current_database() and schema_name = $schema
order by table_name
"""
# What a macro is asked to learn the types of its columns, where a bare null has too little type.
_NOTHING = {"day": "cast(null as date)", "days": "cast(null as date[])"}

Node = Mapping[str, Any]


def write_dictionary(connection: DuckDBPyConnection, manifest: Mapping[str, Any]) -> str:
    """Return the page, from an open release and the manifest of the project that made it."""
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    units = {f"{node['schema']}.{node['name']}": _read_units(node) for node in models}
    contents, sections = [], []
    for schema, about in _SCHEMAS.items():
        tables = connection.execute(_TABLES, {"schema": schema}).fetchall()
        contents += ["", f"**{schema}.** {about}", ""]
        for name, text in tables:
            columns = connection.execute(COLUMNS, [name]).fetchall()
            contents.append(_write_entry(name, text))
            sections.append(_write_section(name, text, columns, units.get(name, {})))
    contents += ["", "**Table macros.** Queries that take arguments, as of any day.", ""]
    for node in sorted(models, key=lambda node: node["name"]):
        if node["config"]["materialized"] == "table_macro":
            name = f"{node['name']}({', '.join(node['config']['arguments'])})"
            contents.append(_write_entry(name, node["description"]))
            columns = _read_columns(connection, node)
            text = "\n".join([node["description"], *_write_arguments(node)])
            sections.append(_write_section(name, text, columns, _read_units(node)))
    return "\n".join([_HEAD, "## Contents", *contents, "", "## Tables and macros", *sections])


def _read_units(node: Node) -> dict[str, str]:
    """Return the unit of each column of a model that has one."""
    metas = {name: column["config"]["meta"] for name, column in node["columns"].items()}
    return {name: meta["unit"] for name, meta in metas.items() if "unit" in meta}


def _read_columns(connection: DuckDBPyConnection, node: Node) -> list[tuple[str, str, str]]:
    """Return what a macro gives: its types from the release, its texts from the project."""
    arguments = ", ".join(_NOTHING.get(name, "null") for name in node["config"]["arguments"])
    described = connection.execute(f"describe from {node['name']}({arguments})").fetchall()
    return [(row[0], row[1], node["columns"][row[0]]["description"]) for row in described]


def _write_arguments(node: Node) -> list[str]:
    meanings = node["config"]["meta"].get("arguments", {})
    return ["", *(f"- `{name}`: {text}" for name, text in meanings.items())] if meanings else []


def _write_entry(name: str, text: str) -> str:
    anchor = "".join(letter for letter in name.lower() if letter.isalnum() or letter in "_ ")
    grain = text.split(": ", 1)[1] if text.startswith("Table macro") else text
    first = grain.split(". ")[0].rstrip(".")
    return f"- [{name}](#{anchor.replace(' ', '-')}): {first[0].lower()}{first[1:]}"


def _write_section(
    name: str, text: str, columns: Iterable[tuple[str, str, str]], units: Mapping[str, str]
) -> str:
    lines = [
        write_line((column, kind.lower(), units.get(column, ""), meaning))
        for column, kind, meaning in columns
    ]
    head = [write_line(("column", "type", "unit", "meaning")), "|---|---|---|---|"]
    return "\n".join(["", f"### {name}", "", text, "", *head, *lines])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the dictionary anew from the published release."""
    argparse.ArgumentParser(prog="dictionary", description=__doc__).parse_args(arguments)
    try:
        settings = read_settings()
        manifest = read_manifest(settings)
        with open_release(settings.release_file) as connection:
            DICTIONARY.write_text(write_dictionary(connection, manifest) + "\n", encoding="utf-8")
    except (SettingsError, OSError, DamagedError, DbtError, duckdb.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(DICTIONARY)
    return 0


if __name__ == "__main__":
    sys.exit(main())

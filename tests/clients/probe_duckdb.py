"""Reads the database file of a release with the DuckDB of this environment; prints what it found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb
from fingerprint import fingerprint

_TABLES = """
select schema_name || '.' || table_name from duckdb_tables()
where schema_name in ('core', 'marts', 'audit')
"""
_COMMENTS = """
select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns()
where schema_name in ('core', 'marts', 'audit')
"""
_MACROS = {
    "deals_as_of": "from deals_as_of(date '2025-10-07')",
    "provenance_of": "from provenance_of('openai-oracle-4-5gw')",
    "schedule_as_of": "from schedule_as_of([date '2025-10-07'])",
}
# The rules of a day, in one statement each. Before 1.4, DuckDB plans them without end: asked of
# these versions, they take all memory and give no answer.
_RULES = {
    name: f"from {name}(date '2025-10-07')"
    for name in ("capacity_as_of", "capex_vs_commitments_as_of", "loops_as_of", "spend_as_of")
}
if tuple(map(int, duckdb.__version__.split(".")[:2])) >= (1, 4):
    _MACROS |= _RULES

with duckdb.connect(str(Path(sys.argv[1]) / "gigaledger.duckdb"), read_only=True) as connection:

    def read(query: str) -> list[object]:
        """Return the fingerprint of what a query answers."""
        answer = connection.execute(query)
        columns = [column[0] for column in answer.description]
        return fingerprint(columns, answer.fetchall())

    tables = [name for (name,) in connection.execute(_TABLES).fetchall()]
    found = {
        "version": duckdb.__version__,
        "tables": {name: read(f"from {name}") for name in tables},
        "macros": {name: read(query) for name, query in _MACROS.items()},
        "comments": dict(connection.execute(_COMMENTS).fetchall()),
    }
print(json.dumps(found))

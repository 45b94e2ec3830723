"""Reads the Parquet files of a release with pyarrow; prints what it found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
from fingerprint import fingerprint

tables = {}
for path in sorted((Path(sys.argv[1]) / "parquet").glob("*.parquet")):
    table = pyarrow.parquet.read_table(path)
    rows = (tuple(row.values()) for row in table.to_pylist())
    tables[path.stem] = fingerprint(table.column_names, rows)
print(json.dumps({"version": pyarrow.__version__, "parquet": tables}))

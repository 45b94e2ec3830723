"""Reads the Parquet files of a release with pandas; prints what it found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas
import pyarrow
from fingerprint import fingerprint

tables = {}
for path in sorted((Path(sys.argv[1]) / "parquet").glob("*.parquet")):
    # Arrow's types keep decimals, days and gaps as they are; without them a whole number with a gap
    # becomes a float.
    table = pandas.read_parquet(path, dtype_backend="pyarrow")
    rows = zip(*(pyarrow.array(table[name]).to_pylist() for name in table), strict=True)
    tables[path.stem] = fingerprint(list(table), rows)
print(json.dumps({"version": pandas.__version__, "parquet": tables}))

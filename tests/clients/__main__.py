"""`make clients`: other versions of DuckDB, pandas, polars and Arrow read the release.

Each is installed into a throw-away environment, reads every table, and must find what this project's
own DuckDB finds. It takes a minute or two and a package registry, so it is no part of `make test`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestration.settings import SettingsError, read_settings

HERE = Path(__file__).parent
_UV = str(Path(sys.executable).with_name("uv"))

# By name: what is installed, and the probe that reads with it.
CLIENTS = {
    "DuckDB 1.2": (["duckdb==1.2.*"], "probe_duckdb.py"),
    "DuckDB 1.3": (["duckdb==1.3.*"], "probe_duckdb.py"),
    "DuckDB 1.4": (["duckdb==1.4.*"], "probe_duckdb.py"),
    "DuckDB 1.5": (["duckdb==1.5.*"], "probe_duckdb.py"),
    "pandas": (["pandas", "pyarrow"], "probe_pandas.py"),
    "polars": (["polars"], "probe_polars.py"),
    "Arrow": (["pyarrow"], "probe_arrow.py"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the clients; 0 when all of them read what is there."""
    parser = argparse.ArgumentParser(
        prog="clients", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=CLIENTS, action="append", help="try this one")
    options = parser.parse_args(arguments)
    try:
        warehouse = read_settings().warehouse_dir
        # A release may be published meanwhile: everyone reads the one that the link names now.
        release = (warehouse / "parquet").resolve(strict=True).parent
    except (SettingsError, OSError) as error:
        print(f"error: {error}; run `make refresh` first", file=sys.stderr)
        return 1
    expected = _probe(Path(sys.executable), "probe_duckdb.py", release)
    expected["parquet"] = {
        table.rpartition(".")[2]: found for table, found in expected["tables"].items()
    }
    print(f"DuckDB {expected['version']}: {_count(expected)} (what the others are held against)")
    wrong = [name for name in options.only or CLIENTS if not _try(name, release, expected)]
    return 1 if wrong else 0


def _try(name: str, release: Path, expected: dict[str, Any]) -> bool:
    packages, probe = CLIENTS[name]
    try:
        with tempfile.TemporaryDirectory() as folder:
            _run([_UV, "venv", "--quiet", "--python", sys.executable, folder])
            python = Path(folder) / "bin" / "python"
            _run([_UV, "pip", "install", "--quiet", "--python", str(python), *packages])
            found = _probe(python, probe, release)
    except subprocess.CalledProcessError as error:
        print(f"{name}: FAILED\n{error.stderr}", flush=True)
        return False
    differing = {
        f"{part} {key}"
        for part in ("tables", "macros", "comments", "parquet")
        if part in found
        # Which macros a version can be asked, its probe says.
        for key in (found[part] if part == "macros" else {*expected[part], *found[part]})
        if expected[part].get(key) != found[part].get(key)
    }
    if differing:
        print(f"{name} {found['version']}: DIFFERS in {', '.join(sorted(differing))}", flush=True)
        return False
    print(f"{name} ({found['version']}): {_count(found)}, all equal", flush=True)
    return True


def _count(found: dict[str, Any]) -> str:
    names = {"tables": "tables", "macros": "macros", "parquet": "Parquet files"}
    parts = [f"{len(found[part])} {name}" for part, name in names.items() if part in found]
    if "comments" in found:
        parts.append(f"descriptions of {len(found['comments'])} columns")
    return ", ".join(parts)


def _probe(python: Path, probe: str, release: Path) -> dict[str, Any]:
    answer = _run([str(python), str(HERE / probe), str(release)])
    return dict(json.loads(answer))


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())

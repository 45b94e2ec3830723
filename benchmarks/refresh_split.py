"""Says where the seconds of a warm refresh go, and how many bare `dbt build`s it costs.

Both run on the same project and ledger, warm (parsed and imported before), in turns, so that a
busy machine hurts them alike; medians are shown. The bare build leaves out unit tests, as a refresh
does. Run: `.venv/bin/python -m benchmarks.refresh_split [--rounds 5]`.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.dbt_process import BUILD
from orchestration.settings import ROOT, read_settings

_LINE = re.compile(r"^ *(\d+\.\d) s  (.+)$", re.MULTILINE)
_IMPORTS = (
    "duckdb",
    "sources.ledger.load",
    "dagster",
    "dagster_dbt",
    "dbt.cli.main",
    "great_expectations",
)


@dataclass(frozen=True)
class Run:
    """One measured process."""

    seconds: float
    cpu_seconds: float
    output: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args(arguments).rounds
    with tempfile.TemporaryDirectory() as folder:
        refresh, bare = _prepare(Path(folder))
        refreshes, builds = [], []
        for _ in range(rounds):
            refreshes.append(refresh())
            builds.append(bare())
    _print_split(refreshes)
    own = statistics.median(run.seconds for run in refreshes)
    floor = statistics.median(run.seconds for run in builds)
    print(f"\nrefresh      {own:6.2f} s, {_median_cpu(refreshes):6.2f} s of processor time")
    print(f"bare build   {floor:6.2f} s, {_median_cpu(builds):6.2f} s of processor time")
    print(f"ratio        {own / floor:6.2f}")
    _print_imports()
    return 0


def _prepare(folder: Path) -> tuple[Callable[[], Run], Callable[[], Run]]:
    """Warm both up; return what runs a refresh and what runs a bare build."""
    environment = {"GIGALEDGER_WAREHOUSE": str(folder / "warehouse")}
    settings = read_settings({**os.environ, **environment})
    command = [sys.executable, "-m", "orchestration.refresh"]

    def refresh() -> Run:
        return _measure(command, os.environ | environment, ROOT)

    refresh()
    work = folder / "bare" / settings.work_database.name
    work.parent.mkdir()
    shutil.copy(settings.work_database, work)
    bare_environment = settings.dbt_environment() | {
        "GIGALEDGER_WORK_DB": str(work),
        "DBT_TARGET_PATH": str(work.parent / "dbt"),
        "DBT_LOG_PATH": str(work.parent / "logs"),
    }
    dbt = str(Path(sys.executable).with_name("dbt"))

    def bare() -> Run:
        return _measure([dbt, *BUILD], bare_environment, settings.dbt_project_dir)

    bare()
    return refresh, bare


def _measure(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Run:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    ended = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{ended.stdout}\n{ended.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(seconds, cpu, ended.stdout)


def _print_split(runs: Sequence[Run]) -> None:
    parts: dict[str, list[float]] = {}
    for run in runs:
        marks = [(float(at), name) for at, name in _LINE.findall(run.output)]
        parts.setdefault("start and end of the process", []).append(run.seconds - marks[-1][0])
        for (begun, name), (ended, _) in itertools.pairwise(marks):
            parts.setdefault(name, []).append(ended - begun)
    for name, seconds in parts.items():
        print(f"{statistics.median(seconds):6.2f} s  {name}")


def _median_cpu(runs: Sequence[Run]) -> float:
    return statistics.median(run.cpu_seconds for run in runs)


def _print_imports() -> None:
    """Print what importing each part costs by itself, beyond the start of Python."""
    print("\nimports, each in a process of its own")
    bare = _time_import("sys")
    for name in _IMPORTS:
        print(f"{_time_import(name) - bare:6.2f} s  {name}")


def _time_import(name: str) -> float:
    runs = [_measure([sys.executable, "-c", f"import {name}"], os.environ, ROOT) for _ in range(3)]
    return statistics.median(run.seconds for run in runs)


if __name__ == "__main__":
    sys.exit(main())

"""`make faults`: real faults against real processes, and what they led to, in figures."""

from __future__ import annotations

import argparse
import functools
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.settings import ROOT
from tests.faults import crowd, damage, hostile, kills, readers, writes
from tests.faults.world import Fault, Say

PAGE = ROOT / "docs" / "reliability.md"

Experiment = Callable[[Path, Say], Mapping[str, object]]


def list_experiments(*, kill_count: int = 300, seed: int = 1) -> dict[str, Experiment]:
    """Return every experiment that this machine can do, by the name of its figures."""
    chosen: dict[str, Experiment] = {
        "named-points": kills.kill_at_points,
        "random-moments": functools.partial(kills.kill_at_random, count=kill_count, seed=seed),
        "readers": functools.partial(readers.read_through, pollers=16, stayers=2, publishes=60),
        "full-disk": writes.fill_disk,
        "read-only": writes.refuse_writes,
        "little-memory": writes.limit_memory,
        "damage": functools.partial(damage.spoil_all, count=204, seed=seed),
        "hostile-texts": hostile.take_in,
        "crowd": functools.partial(crowd.refresh_together, count=50),
        "same-input": crowd.refresh_twice,
    }
    if not writes.can_mount():
        del chosen["full-disk"], chosen["read-only"]
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiments; 0 when every promise was kept."""
    options = _read_options(arguments)
    experiments = list_experiments(kill_count=options.kills, seed=options.seed)
    chosen = options.only or [*experiments, "wrong-facts"]
    if not writes.can_mount():
        print("full-disk and read-only are left out: they mount a small disk, which takes root")
    broken = []
    for name in chosen:
        begun = time.perf_counter()
        print(f"\n{name}", flush=True)
        try:
            block = _measure_wrong_facts() if name == "wrong-facts" else _run(experiments[name])
        except Fault as fault:
            print(f"  FAULT: {fault}", flush=True)
            broken.append(name)
            continue
        print(f"{block}  ({time.perf_counter() - begun:.0f} s)", flush=True)
        if options.write:
            write_figures(name, block)
    print(f"\n{len(chosen) - len(broken)} of {len(chosen)} hold")
    for name in broken:
        print(f"broken: {name}")
    return 1 if broken else 0


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    names = [*list_experiments(), "wrong-facts"]
    parser.add_argument("--only", nargs="+", choices=names, help="these alone (default: all)")
    parser.add_argument("--kills", type=int, default=300, help="random moments (default: 300)")
    parser.add_argument("--seed", type=int, default=1, help="draws other faults (default: 1)")
    parser.add_argument("--write", action="store_true", help=f"renew the figures of {PAGE.name}")
    return parser.parse_args(arguments)


def _run(experiment: Experiment) -> str:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        figures = experiment(
            Path(folder) / "world", lambda message: print(f"  {message}", flush=True)
        )
    return format_figures(figures)


def _measure_wrong_facts() -> str:
    """Run the score of wrong facts; its output is its figures."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.wrong_facts"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise Fault(f"the score of wrong facts is too low:\n{ended.stdout}")
    return f"```\n{ended.stdout.rstrip()}\n```\n"


def format_figures(figures: Mapping[str, object]) -> str:
    """Return figures as a table of Markdown."""
    rows = [f"| {name} | {value} |" for name, value in figures.items()]
    return "\n".join(["| what | figure |", "|---|---|", *rows, ""])


def write_figures(name: str, block: str) -> None:
    """Put the figures of an experiment into the page, with the machine and the day."""
    text = PAGE.read_text(encoding="utf-8")
    pattern = rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)"
    filled, count = re.subn(
        pattern,
        lambda found: f"{found[1]}{block}\n{_describe_machine()}\n{found[2]}",
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f"{PAGE} has no place for the figures of {name}")
    PAGE.write_text(filled, encoding="utf-8")


def _describe_machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores ({platform.machine()}),"
        f" {memory:.0f} GiB of memory, {platform.system()} {platform.release().split('-')[0]},"
        f" Python {platform.python_version()}, DuckDB {duckdb.__version__}."
    )


if __name__ == "__main__":
    sys.exit(main())

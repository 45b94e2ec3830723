"""Readers in processes of their own, through many publications: none may fail or see two of them.

    python -m tests.faults.readers poll|stay FILE

Each prints `reading` when it has read once, and what it saw when its standard input ends.
"""

from __future__ import annotations

import select
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from orchestration.release import publish_release
from tests.faults.world import Fault, Say, start_group, wait
from tests.release.conftest import make_origin, make_warehouse

_PAUSE = 0.02

# One figure three times over: as the deals have it, in the mart made of them, by the macro.
_FIGURES = """
select
    (select sum(capacity_gw_base) from core.dim_deal),
    (select gross_gw_base from marts.capacity_by_customer),
    (select gross_gw_base from capacity_as_of(current_date)),
    (select count(distinct release_id) from audit.check_result),
    (select max(release_id) from audit.check_result)
"""


def read_through(
    folder: Path, say: Say, *, pollers: int, stayers: int, publishes: int
) -> dict[str, object]:
    """Publish again and again, each time other figures, under the eyes of readers."""
    warehouse = make_warehouse(folder)
    file = _publish(warehouse, 0)
    manners = ["poll"] * pollers + ["stay"] * stayers
    readers = [
        start_group(
            [sys.executable, "-m", "tests.faults.readers", manner, str(file)],
            stdin=subprocess.PIPE,
        )
        for manner in manners
    ]
    for reader in readers:
        assert reader.stdout
        if reader.stdout.readline() != "reading\n":
            raise Fault(f"a reader could not begin: {wait(reader).err}")
    for number in range(1, publishes + 1):
        _publish(warehouse, number)
        if number % 10 == 0:
            say(f"{number} of {publishes} published")
    reads = 0
    seen: set[str] = set()
    for manner, reader in zip(manners, readers, strict=True):
        assert reader.stdin
        reader.stdin.close()
        reader.stdin = None
        ended = wait(reader)
        if ended.status != 0:
            raise Fault(f"a reader failed (it was told to {manner}):\n{ended.err}")
        count, *releases = ended.out.split()
        reads += int(count)
        if manner == "poll":
            seen.update(releases)
    return {
        "publications": publishes,
        "polling readers": pollers,
        "readers that held one transaction open": stayers,
        "reads": reads,
        "different releases read": len(seen),
        "reads that failed or mixed two releases": 0,
    }


def _publish(warehouse: Path, number: int) -> Path:
    work = warehouse / "work" / "gigaledger.duckdb"
    with duckdb.connect(work) as connection:
        connection.execute("update core.dim_deal set capacity_gw_base = 6 + ?", [number])
        connection.execute(
            "update marts.capacity_by_customer set gross_gw_base = 12 + 2 * ?", [number]
        )
    return publish_release(work, warehouse, make_origin()).file


def _read(connection: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
    row = connection.execute(_FIGURES).fetchone()
    assert row is not None
    deals, mart, macro, releases, _ = row
    if not deals == mart == macro or releases != 1:
        raise Fault(f"figures of two releases side by side: {row}")
    return row


def _poll(file: str) -> None:
    count, seen = 0, set()
    while not _is_over():
        with duckdb.connect(file, read_only=True) as connection:
            seen.add(_read(connection)[-1])
        count += 1
        if count == 1:
            print("reading", flush=True)
        time.sleep(_PAUSE)
    print(count, *seen)


def _stay(file: str) -> None:
    with duckdb.connect(file, read_only=True) as connection:
        connection.execute("begin")
        first = _read(connection)
        print("reading", flush=True)
        count = 1
        while not _is_over():
            if _read(connection) != first:
                raise Fault("the file that is held open has changed")
            count += 1
            time.sleep(_PAUSE)
    print(count, first[-1])


def _is_over() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    {"poll": _poll, "stay": _stay}[sys.argv[1]](sys.argv[2])

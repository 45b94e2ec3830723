"""Bits flipped, pages wiped and ends cut off: what is damaged gives no answer."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import duckdb

from orchestration.hashes import hash_table
from orchestration.intact import DamagedError
from orchestration.query import open_release
from orchestration.release import Release, publish_release
from orchestration.releases.verify import verify_release
from sources.feeds.feed import find_feeds
from sources.feeds.snapshots import RefusedError, Snapshot, list_samples
from sources.sql import quote_text
from tests.faults.world import Fault, Say
from tests.release.conftest import make_origin, make_warehouse

T = TypeVar("T")

_PAGE = 4_096
_MOST_BYTES = 1 << 30

# What a reader whom the project does not control makes of a damaged file.
REFUSED, RIGHT, WRONG = "refused", "the right answer", "a wrong answer"


def spoil(path: Path, chance: random.Random) -> str:
    """Damage a file in place in one of three ways; return which and where."""
    path.chmod(0o644)
    size = path.stat().st_size
    before = path.read_bytes()
    while True:
        place = chance.randrange(size)
        manner = chance.choice(("bit", "bit", "page", "cut"))
        with path.open("r+b") as file:
            if manner == "cut":
                file.truncate(place)
                return f"cut at {place}"
            file.seek(place)
            if manner == "bit":
                file.write(bytes([before[place] ^ 1 << chance.randrange(8)]))
                return f"a bit at {place}"
            page = before[place : place + _PAGE]
            if any(page):
                file.write(bytes(len(page)))
                return f"a page wiped at {place}"


def spoil_all(folder: Path, say: Say, *, count: int, seed: int = 1) -> dict[str, object]:
    """Damage the published file, Parquet, work file and snapshots, `count` times in all."""
    chance = random.Random(seed)
    warehouse = make_warehouse(folder / "warehouse")
    release = _publish(warehouse)
    each = count // 6
    figures: dict[str, object] = {"damaged files": 6 * each}
    refused = sum(_is_query_refused(release.file, chance) for _ in range(each))
    figures[f"published file, of {each}: refused by make query"] = refused
    if refused != each:
        raise Fault(f"make query answered from {each - refused} damaged files")
    say("published file, by make query")
    plain = Counter(_ask_plainly(release, chance) for _ in range(each))
    say("published file, by a plain DuckDB")
    parquet: Counter[str] = Counter()
    for _ in range(each):
        verdict, is_found = _ask_parquet(release, chance)
        parquet.update([verdict])
        if not is_found:
            raise Fault("make verify found a damaged Parquet file whole")
    say("Parquet, by a plain DuckDB")
    for name, found in (("published file", plain), ("Parquet", parquet)):
        for verdict in (REFUSED, RIGHT, WRONG):
            figures[f"{name}, of {each}: a plain DuckDB gave {verdict}"] = found[verdict]
    figures[f"Parquet, of {each}: found by make verify"] = each
    work = Counter(_publish_damaged(folder, warehouse, release, chance) for _ in range(each))
    say("work file, by a publication")
    figures[f"work file, of {each}: publication refused"] = work[REFUSED]
    figures[f"work file, of {each}: what was published was unharmed"] = work[RIGHT]
    if work[WRONG]:
        raise Fault(f"{work[WRONG]} damaged work files were published with other contents")
    for _ in range(each):
        spoil(release.file, chance)
        _publish(warehouse)
        open_release(release.file).close()
    say("published file, by the next publication")
    figures[f"published file, of {each}: mended by the next publication"] = each
    samples = _list_samples()
    for _ in range(each):
        _require_refused(chance.choice(samples), folder / "snapshot", chance)
    say("snapshot of a feed")
    figures[f"snapshot of a feed, of {each}: refused when it is read"] = each
    return figures


def _list_samples() -> list[Snapshot]:
    return [
        sample for feed in find_feeds().values() for sample in list_samples(feed.name, feed.folder)
    ]


def _require_refused(sample: Snapshot, path: Path, chance: random.Random) -> None:
    """Damage a copy of a snapshot that can be read; it must be refused from then on."""
    kept = replace(sample, path=path)
    shutil.copy(sample.path, path)
    kept.read(_MOST_BYTES)
    manner = spoil(path, chance)
    try:
        kept.read(_MOST_BYTES)
    except RefusedError as error:
        if error.rule != "damaged":
            raise Fault(f"{sample.path.name}, {manner}: refused as {error.rule}") from error
    else:
        raise Fault(f"{sample.path.name}, {manner}: was read")


def _publish(warehouse: Path) -> Release:
    return publish_release(warehouse / "work" / "gigaledger.duckdb", warehouse, make_origin())


def _is_query_refused(file: Path, chance: random.Random) -> bool:
    """Return whether the prompt of the project refuses the published file once it is damaged."""

    def ask() -> bool:
        try:
            open_release(file).close()
        except DamagedError as error:
            return "make refresh" in str(error)
        return False

    return _with_damage(file, chance, ask)


def _ask_plainly(release: Release, chance: random.Random) -> str:
    def ask() -> str:
        try:
            with duckdb.connect(release.file, read_only=True) as connection:
                return _judge(
                    hash_table(connection, table) == stated
                    for table, stated in release.tables.items()
                )
        except duckdb.Error:
            return REFUSED

    return _with_damage(release.file, chance, ask)


def _ask_parquet(release: Release, chance: random.Random) -> tuple[str, bool]:
    """Return what a plain DuckDB makes of a damaged Parquet file, and whether `make verify` sees it."""
    table = chance.choice(sorted(release.tables))
    path = release.file.parent / "parquet" / f"{table.split('.')[1]}.parquet"

    def ask() -> tuple[str, bool]:
        warehouse = release.file.parent
        found = verify_release(warehouse, release.release_id, ledger_dir=warehouse).damage
        return ask_duckdb(), any(path.name in line for line in found)

    def ask_duckdb() -> str:
        try:
            with duckdb.connect() as connection:
                connection.execute(
                    f"create temp view held as from read_parquet({quote_text(str(path))})"
                )
                return _judge([hash_table(connection, "held") == release.tables[table]])
        except duckdb.Error:
            return REFUSED

    return _with_damage(path, chance, ask)


def _publish_damaged(folder: Path, warehouse: Path, sound: Release, chance: random.Random) -> str:
    """Publish from a damaged work file into a warehouse of its own."""
    own = folder / "own"
    shutil.rmtree(own, ignore_errors=True)
    (own / "work").mkdir(parents=True)
    shutil.copy(warehouse / "work" / "gigaledger.duckdb", own / "work")
    spoil(own / "work" / "gigaledger.duckdb", chance)
    try:
        found = _publish(own)
    except (duckdb.Error, ValueError):
        if (own / "gigaledger.duckdb").exists():
            raise Fault("a publication that failed published") from None
        return REFUSED
    same = {name: table for name, table in sound.tables.items() if "audit." not in name}
    return _judge(found.tables[name] == table for name, table in same.items())


def _judge(same: Iterable[bool]) -> str:
    return RIGHT if all(same) else WRONG


def _with_damage(path: Path, chance: random.Random, ask: Callable[[], T]) -> T:
    """Return what asking gives while the file is damaged; it is whole again afterwards."""
    whole = path.read_bytes()
    try:
        spoil(path, chance)
        return ask()
    finally:
        path.write_bytes(whole)

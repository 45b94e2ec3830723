"""Many refreshes of one warehouse at once, and the same input twice."""

from __future__ import annotations

from pathlib import Path

from tests.faults.world import Fault, Say, World, read_manifest, wait


def refresh_together(folder: Path, say: Say, *, count: int) -> dict[str, object]:
    """Start refreshes at once: one publishes, the others say who holds the lock."""
    world = World.make(folder)
    world.heal()
    before = world.list_releases()
    world.change_ledger()
    processes = [world.start() for _ in range(count)]
    ends = [wait(process, seconds=900) for process in processes]
    published = [ended for ended in ends if ended.status == 0]
    told = [
        ended for ended in ends if ended.status == 2 and "is in use by make refresh" in ended.err
    ]
    if len(published) + len(told) != count:
        others = [ended for ended in ends if ended not in published and ended not in told]
        raise Fault(f"a refresh ended with {others[0]}")
    if not published or len(world.list_releases()) != len(before) + len(published):
        raise Fault(f"{len(published)} said that they published, there are {world.list_releases()}")
    say(f"{len(published)} published, {len(told)} told who holds the lock")
    world.heal()
    return {
        "refreshes started at once": count,
        "of them that published, one after another": len(published),
        "of them that said who holds the lock": len(told),
    }


def refresh_twice(folder: Path, say: Say) -> dict[str, object]:
    """Refresh twice from one ledger: whatever does not depend on the clock must be the same."""
    world = World.make(folder)
    first, second = (
        {
            table["table"]: (table["row_count"], table["content_hash"])
            for table in read_manifest(world.releases / world.heal())["tables"]
            if not table["depends_on_clock"]
        }
        for _ in range(2)
    )
    if first != second or not first:
        raise Fault(f"one ledger gave {first}, then {second}")
    say(f"{len(first)} tables compared")
    return {"tables that one ledger gives twice": len(first), "of them that differ": 0}

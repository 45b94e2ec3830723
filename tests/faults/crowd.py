"""Many refreshes of one warehouse at once, and the same input twice."""

from __future__ import annotations

from pathlib import Path

from tests.faults.world import Fault, Say, World, read_manifest, wait


def refresh_together(folder: Path, say: Say, *, count: int) -> dict[str, object]:
    """Start refreshes of one warehouse at once, then one alone."""
    world = World.make(folder)
    world.heal()
    world.change_ledger()
    published, told = race(world, count)
    say(f"{published} published, {told} told who holds the lock")
    world.heal()
    return {
        "refreshes started at once": count,
        "of them that published, one after another": published,
        "of them that said who holds the lock": told,
    }


def race(world: World, count: int) -> tuple[int, int]:
    """Start refreshes at once; return how many published, and how many said who holds the lock."""
    processes = [world.start() for _ in range(count)]
    ends = [wait(process, seconds=900) for process in processes]
    published = [ended for ended in ends if ended.status == 0]
    told = sum(ended.status == 2 and "is in use by make refresh" in ended.err for ended in ends)
    if not published or len(published) + told != count:
        raise Fault(f"{len(published)} published and {told} told why not, of {count}: {ends}")
    release_id = world.examine()
    if not any(f"release  {release_id}," in ended.out for ended in published):
        raise Fault(f"the release is {release_id}, which none of the refreshes said")
    return len(published), told


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

"""`kill -9` of the whole process group of a refresh, at named points and at random moments."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.faults.forked import Forker
from tests.faults.refresher import POINTS
from tests.faults.world import Fault, Say, World

# Of the random kills; the refreshes in between begin on what a killed one left, and are killed too.
_HEALED_EVERY = 10


def kill_at_points(folder: Path, say: Say) -> dict[str, object]:
    """Kill at every named point; the next refresh must heal each time."""
    world = World.make(folder)
    world.heal()
    swapped = 0
    for point in POINTS:
        swapped += kill_at(world, point)
        world.heal()
        say(point)
    return {
        "named points": len(POINTS),
        "old release served after": len(POINTS) - swapped,
        "new release served after": swapped,
        "healed by the next refresh": len(POINTS),
    }


def kill_at(world: World, point: str) -> bool:
    """Kill a refresh at a point; return whether it had published before."""
    old = world.examine()
    world.change_ledger()
    ended = world.refresh(point)
    if not ended.was_killed:
        raise Fault(f"{point}: was not reached\n{ended.out}{ended.err}")
    return world.examine() != old


def kill_at_random(folder: Path, say: Say, *, count: int, seed: int = 1) -> dict[str, object]:
    """Kill at moments drawn evenly from the length of a refresh, `count` times."""
    chance = random.Random(seed)
    world = World.make(folder)
    with Forker() as forker:
        world.heal_with(forker.refresh(folder))
        begun = time.monotonic()
        world.heal_with(forker.refresh(folder))
        length = time.monotonic() - begun
        killed = swapped = healed = 0
        while killed < count:
            old = world.examine()
            world.change_ledger()
            ended = forker.refresh(folder, kill_after=chance.uniform(0, length))
            if not ended.was_killed:
                # It began on what a killed one had left.
                world.heal_with(ended)
                healed += 1
                continue
            killed += 1
            swapped += world.examine() != old
            if killed % _HEALED_EVERY == 0:
                world.heal_with(forker.refresh(folder))
                healed += 1
                say(f"{killed} of {count} killed")
        world.heal_with(forker.refresh(folder))
    return {
        "random moments": killed,
        "of them after the swap": swapped,
        "refreshes after them that ran to the end, all healed": healed + 1,
    }

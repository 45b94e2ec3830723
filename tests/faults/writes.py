"""Disks that fill up, folders that cannot be written and too little memory: the old release serves."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.faults.forked import Forker
from tests.faults.world import Ended, Fault, Say, World, wait

_KIB = 1 << 10
_MIB = 1 << 20

# Free bytes at which a refresh is tried: from none, in steps that end in each of its writes.
_ROOM = [0, 16 * _KIB, 64 * _KIB, 256 * _KIB, *range(_MIB // 2, 24 * _MIB, _MIB // 2)]
_MEMORY = [size * _MIB for size in (150, 300, 500, 700, 900, 1_200, 1_600, 2_400)]
_DISK = 400 * _MIB


def can_mount() -> bool:
    """Whether this process may mount a small disk: root may, in most containers."""
    return os.geteuid() == 0


def fill_disk(folder: Path, say: Say) -> dict[str, object]:
    """Refresh on a small disk with ever more room, until there is enough."""
    failures = 0
    with _small_disk(folder) as disk, Forker() as forker:
        world = World.make(disk / "world")
        world.heal_with(forker.refresh(world.folder))
        filler = disk / "filler"
        for room in _ROOM:
            old = world.examine()
            world.change_ledger()
            _fill(disk, filler, room)
            ended = forker.refresh(world.folder)
            filler.unlink()
            if ended.status == 0:
                world.heal_with(ended)
                break
            _require_told(world, old, ended, f"with {room // _KIB} KiB free", "full")
            failures += 1
            say(f"{room // _KIB} KiB free: {_last_words(ended)}")
        else:
            raise Fault("no room was enough")
        world.heal_with(forker.refresh(world.folder))
    return {
        "sizes of free space at which a refresh failed": failures,
        "of them with the old release in service and a remedy": failures,
        "free space that was enough, in KiB": room // _KIB,
    }


def refuse_writes(folder: Path, say: Say) -> dict[str, object]:
    """Refresh while one folder after another is on a disk that is mounted read-only."""
    with _small_disk(folder) as disk, Forker() as forker:
        world = World.make(disk / "world")
        world.heal_with(forker.refresh(world.folder))
        folders = {
            "warehouse": world.warehouse,
            "releases": world.releases,
            "work": world.settings.work_dir,
            "Dagster's": world.settings.dagster_home,
        }
        for name, path in folders.items():
            old = world.examine()
            world.change_ledger()
            _run("mount", "--bind", str(path), str(path))
            try:
                _run("mount", "-o", "remount,bind,ro", str(path))
                ended = forker.refresh(world.folder)
            finally:
                _run("umount", str(path))
            _require_told(world, old, ended, f"{name} folder read-only", "writ")
            say(f"{name} folder read-only: {_last_words(ended)}")
        world.heal_with(forker.refresh(world.folder))
    return {"read-only folders": len(folders), "of them with a remedy": len(folders)}


def limit_memory(folder: Path, say: Say) -> dict[str, object]:
    """Refresh with ever more address space for each process, until there is enough."""
    world = World.make(folder)
    world.heal()
    failures = told = 0
    for size in _MEMORY:
        old = world.examine()
        world.change_ledger()
        ended = wait(
            world.start(
                preexec_fn=lambda size=size: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
                # One arena each, as a container with little memory would have it.
                env={"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
            )
        )
        if ended.status == 0:
            break
        if world.examine() != old:
            raise Fault(f"a refresh that ran out of memory at {size // _MIB} MiB published")
        failures += 1
        told += "memory" in (ended.out + ended.err).lower()
        say(f"{size // _MIB} MiB: {_last_words(ended)}")
    world.heal()
    return {
        "memory limits at which a refresh failed": failures,
        "of them that named memory": told,
        "limit that was enough, in MiB": size // _MIB,
    }


def _require_told(world: World, old: str | None, ended: Ended, when: str, remedy: str) -> None:
    words = ended.out + ended.err
    if ended.status == 0:
        raise Fault(f"{when}: a refresh said that all was well")
    if world.examine() != old:
        raise Fault(f"{when}: the old release is gone")
    if "Traceback" in words or f"{remedy}" not in words or "error: " not in words:
        raise Fault(f"{when}: the message does not tell what to do:\n{words}")


def _last_words(ended: Ended) -> str:
    lines = [line for line in (ended.out + ended.err).splitlines() if "error" in line.lower()]
    return (lines or [f"status {ended.status}"])[-1][:150]


def _fill(disk: Path, filler: Path, room: int) -> None:
    """Leave so many bytes on the disk."""
    found = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - room)


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)

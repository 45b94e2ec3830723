"""One refresh at a time in a warehouse folder; the second is told who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO


class LockedError(Exception):
    """Another process is at work in the same warehouse; the message says which."""


@contextlib.contextmanager
def hold_lock(warehouse_dir: Path, purpose: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a warehouse folder while the context lasts.

    The kernel gives the lock back when its holder ends, however it ends.

    Raises:
        LockedError: when another process holds it and `wait` is false.
    """
    warehouse_dir.mkdir(parents=True, exist_ok=True)
    path = warehouse_dir / ".lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            holder = _read_holder(file)
            raise LockedError(f"{warehouse_dir} is in use by {holder}; try again later") from None
        file.truncate(0)
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        file.write(f"{purpose}, process {os.getpid()} on {socket.gethostname()}, since {now}\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _read_holder(file: TextIO) -> str:
    """Return who holds the lock; between taking it and saying so a moment passes."""
    for _ in range(20):
        file.seek(0)
        if holder := file.read().strip():
            return holder
        time.sleep(0.05)
    return "another process"

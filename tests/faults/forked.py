"""Refreshes forked from a process that has imported everything: an import is no time to be killed at.

    python -m tests.faults.forked FILE

It reads a folder a line, forks a process group that refreshes the small world there, and writes the
group's id, then its status. What the refresh says goes to the file. dbt is forked likewise. The work that follows is that of `make refresh`.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Self

from orchestration.settings import ROOT, SILENCE
from tests.faults.world import Ended


class Forker:
    """Hands out refreshes; one at a time."""

    def __init__(self) -> None:
        """Start the process that forks; it is ready when all is imported."""
        self._told = NamedTemporaryFile()  # noqa: SIM115  as long as this object lives
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forked", self._told.name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self._process.stdin and self._process.stdout
        self._ask, self._answer = self._process.stdin, self._process.stdout
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ask.close()
        self._process.wait()

    def refresh(self, folder: Path, *, kill_after: float | None = None) -> Ended:
        """Refresh to the end, or kill the whole group after some seconds."""
        self._ask.write(f"{folder}\n")
        group = self._read()
        waiting, _, _ = select.select([self._answer], [], [], kill_after)
        if not waiting:
            os.killpg(group, signal.SIGKILL)
        return Ended(self._read(), Path(self._told.name).read_text(errors="replace"), "")

    def _read(self) -> int:
        return int(self._answer.readline())


def main() -> None:
    """Serve until standard input is closed."""
    os.environ.update(SILENCE)
    _import_everything()
    print(os.getpid(), flush=True)
    while folder := sys.stdin.readline().strip():
        child = _fork(lambda folder=folder: _refresh(Path(folder)))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _import_everything() -> None:
    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401

    from orchestration import dbt_child, job, refresh  # noqa: F401
    from orchestration.audit.expectations import import_early

    before = set(threading.enumerate())
    import_early()
    # A fork in the midst of an import would never see it end.
    for thread in set(threading.enumerate()) - before:
        thread.join()


def _fork(run: Callable[[], int], prepare: Callable[[], None] = os.setsid) -> int:
    """Fork a process that runs a function and ends with what it returns; return its id."""
    with warnings.catch_warnings():
        # No thread but this one does anything here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    status = 1
    try:
        prepare()
        status = run()
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _refresh(folder: Path) -> int:
    from orchestration import refresh
    from tests.orchestration.conftest import open_world

    told = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC | os.O_APPEND)
    _take_streams(os.open(os.devnull, os.O_RDONLY), told, told)
    execute = subprocess.Popen._execute_child  # type: ignore[attr-defined]

    def execute_or_fork(self: Any, command: list[str], *others: Any) -> None:
        if command[-1] == "orchestration.dbt_child":
            _fork_dbt(self, *others)
        else:
            execute(self, command, *others)

    subprocess.Popen._execute_child = execute_or_fork  # type: ignore[attr-defined]
    refresh.read_settings = lambda: open_world(folder)
    return refresh.main([])


def _fork_dbt(popen: Any, *others: Any) -> None:
    """Take the place of the part of `Popen` that starts a program; its order of arguments."""
    from orchestration import dbt_child

    _, _, _, _, cwd, environment, _, _, _, stdin, stdin_far, stdout_far, stdout, _, stderr = others[
        :15
    ]

    def prepare() -> None:
        os.close(stdin_far)
        os.close(stdout_far)
        _take_streams(stdin, stdout, stderr)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(environment)

    popen.pid = _fork(dbt_child.main, prepare)
    popen._child_created = True
    popen._close_pipe_fds(stdin, stdin_far, stdout_far, stdout, -1, stderr)


def _take_streams(stdin: int, stdout: int, stderr: int) -> None:
    for target, source in enumerate((stdin, stdout, stderr)):
        os.dup2(source, target)
    sys.stdin = os.fdopen(0, "r", closefd=False)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)


if __name__ == "__main__":
    main()

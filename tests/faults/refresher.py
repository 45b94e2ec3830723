"""`make refresh` of a small world; at a named point the kernel ends its whole process group.

    python -m tests.faults.refresher FOLDER [POINT]

The product knows nothing of the points: a function of it is wrapped before it starts.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

_DBT = "--dbt"

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


def _die() -> NoReturn:
    os.killpg(0, signal.SIGKILL)
    raise AssertionError("nobody outlives that")


def before(is_meant: Callable[..., bool] = lambda *_, **__: True) -> Wrap:
    """Die instead of a call; of the first that is meant."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if is_meant(*arguments, **options):
                _die()
            return original(*arguments, **options)

        return call

    return wrap


def after(is_meant: Callable[..., bool] = lambda *_, **__: True) -> Wrap:
    """Die when a call has done its work; the first that is meant."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            if is_meant(*arguments, **options):
                _die()
            return result

        return call

    return wrap


def _after_half_the_tables(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(connection: Any, staging: Path, tables: list[str]) -> None:
        original(connection, staging, tables[: len(tables) // 2])
        _die()

    return call


def _after_half_the_manifest(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(staging: Path, *arguments: Any) -> None:
        original(staging, *arguments)
        path = staging / "manifest.json"
        os.truncate(path, path.stat().st_size // 2)
        _die()

    return call


def _after_half_the_copy(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(source: Path, target: Path, **options: Any) -> None:
        original(source, target, **options)
        if Path(target).name.startswith(".next-"):
            os.truncate(target, target.stat().st_size // 2)
            _die()

    return call


def _swaps(_: Path, target: Path) -> bool:
    return Path(target).name == "gigaledger.duckdb"


def _sets_pending(_: Path, target: Path) -> bool:
    return Path(target).name.startswith(".pending-")


def _names_release(source: Path, _: Path) -> bool:
    return Path(source).name.startswith(".pending-")


def _creates_a_table(_: Any, sql: str, *__: Any, **___: Any) -> bool:
    return "create" in sql and "dim_deal" in sql


@dataclass(frozen=True)
class Point:
    """A place in a refresh: the function that stands there, and how the end comes."""

    module: str
    name: str
    wrap: Wrap
    is_in_dbt: bool = False


_STEPS, _RELEASE = "orchestration.steps", "orchestration.release"

POINTS = {
    "before the ledger is read": Point(_STEPS, "load_ledger", before()),
    "raw tables made, none of it committed": Point(
        "sources.ledger.load", "_create_tables", after()
    ),
    "raw tables committed, without their inputs": Point(_STEPS, "insert_rows", before()),
    "raw tables written": Point(_STEPS, "load_raw", after()),
    "before the models": Point(_STEPS, "forget_audit", after()),
    "inside a model": Point(
        "dbt.adapters.sql.SQLConnectionManager", "add_query", after(_creates_a_table), True
    ),
    "between two models": Point("dbt.task.run.ModelRunner", "execute", after(), True),
    "before dbt's tests": Point("dbt.task.test.TestRunner", "execute", before(), True),
    "models built": Point(_STEPS, "require_built", after()),
    "inside the audit": Point(_STEPS, "run_suites", after()),
    "audit written": Point(_STEPS, "audit", after()),
    "release attached, empty": Point(_RELEASE, "_attach", after()),
    "tables copied, no macro": Point(_RELEASE, "_copy_tables", after()),
    "release audited": Point(_RELEASE, "_complete_audit", after()),
    "history written": Point(_RELEASE, "_write_history", after()),
    "half of the Parquet exported": Point(_RELEASE, "_write_parquet", _after_half_the_tables),
    "all of the Parquet exported": Point(_RELEASE, "_write_parquet", after()),
    "half of the manifest written": Point(_RELEASE, "_write_manifest", _after_half_the_manifest),
    "manifest written": Point(_RELEASE, "_write_manifest", after()),
    "release on disk": Point(_RELEASE, "_sync_tree", after()),
    "release complete, not yet swapped in": Point("os", "rename", after(_sets_pending)),
    "half of the published copy written": Point("shutil", "copyfile", _after_half_the_copy),
    "before the swap": Point("os", "replace", before(_swaps)),
    "after the swap": Point("os", "replace", after(_swaps)),
    "clean-up: before the release has its name": Point("os", "rename", before(_names_release)),
    "clean-up: the release has its name": Point("os", "rename", after(_names_release)),
    "clean-up: before the Parquet link": Point(_RELEASE, "_point", before()),
    "clean-up: done": Point(_STEPS, "publish_release", after()),
}


def _arm(point: Point) -> None:
    try:
        holder: Any = importlib.import_module(point.module)
    except ModuleNotFoundError:
        module, _, name = point.module.rpartition(".")
        holder = getattr(importlib.import_module(module), name)
    setattr(holder, point.name, point.wrap(getattr(holder, point.name)))


def _arm_dbt(point: str) -> None:
    """Have the process in which dbt runs armed in the place of this one."""
    start = subprocess.Popen.__init__

    def start_armed(self: Any, command: list[str], **options: Any) -> None:
        if command[-1] == "orchestration.dbt_child":
            command = [sys.executable, "-m", "tests.faults.refresher", _DBT, point]
        start(self, command, **options)

    subprocess.Popen.__init__ = start_armed  # type: ignore[method-assign]


def main() -> int:
    """Refresh, or be dbt's process for a refresh."""
    folder, point = sys.argv[1], POINTS[sys.argv[2]] if len(sys.argv) > 2 else None
    if folder == _DBT:
        from orchestration import dbt_child

        assert point is not None
        _arm(point)
        return dbt_child.main()

    from orchestration import refresh
    from tests.orchestration.conftest import open_world

    refresh.read_settings = lambda: open_world(Path(folder))
    if point is not None:
        _arm_dbt(sys.argv[2]) if point.is_in_dbt else _arm(point)
    return refresh.main([])


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

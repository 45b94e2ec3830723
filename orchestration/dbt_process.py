"""Starts the process in which dbt runs, and reads what dbt leaves behind."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from orchestration.dbt_child import PARSED
from orchestration.lock import hold_lock
from orchestration.settings import ROOT, Settings

# Unit tests are about the logic of models, not about the data of a refresh: `make test` runs them.
BUILD = ("build", "--exclude-resource-type", "unit_test")

_RUN_RESULTS = "run_results.json"


class DbtError(Exception):
    """dbt did not do what it was told; the message is its own."""


class DbtProcess:
    """dbt in a process of its own, from its start to its end."""

    def __init__(self, settings: Settings) -> None:
        """Start the process; it imports dbt and parses the project without being waited for."""
        settings.work_dir.mkdir(parents=True, exist_ok=True)
        environment = settings.dbt_environment() | {
            "DBT_LOG_FORMAT": "json",
            # What dbt tells goes to the caller; a second copy on disk costs time.
            "DBT_LOG_LEVEL_FILE": "none",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.dbt_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment,
        )
        self._is_parsed = False

    def wait_parsed(self) -> None:
        """Wait until the manifest is written.

        Raises:
            DbtError: when the project cannot be parsed.
        """
        if self._is_parsed:
            return
        assert self.process.stdout is not None
        told = []
        for line in self.process.stdout:
            text = line.decode(errors="replace").strip()
            if text == PARSED:
                self._is_parsed = True
                return
            told.append(_read_message(text))
        self.process.wait()
        raise DbtError("dbt cannot parse the project:\n" + "\n".join(filter(None, told)))

    def begin(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        """Hand dbt its arguments and return the process, whose output is lines of JSON."""
        self.wait_parsed()
        assert self.process.stdin is not None
        # Left open: the process ends when it is closed.
        self.process.stdin.write(json.dumps(list(arguments)).encode() + b"\n")
        self.process.stdin.flush()
        return self.process

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def _read_message(line: str) -> str:
    try:
        event = json.loads(line)
        # What went wrong stands before the trace of where in dbt.
        return str(event["info"]["msg"]).split("Traceback (most recent call last)")[0].strip()
    except (ValueError, KeyError, TypeError):
        return line


def read_manifest(settings: Settings) -> dict[str, Any]:
    """Return dbt's manifest; the project is parsed first when its files are newer."""
    path = settings.dbt_target_dir / "manifest.json"
    if not _is_fresh(path, settings.dbt_project_dir):
        with hold_lock(settings.warehouse_dir, "parsing the dbt project", wait=True):
            if not _is_fresh(path, settings.dbt_project_dir):
                parser = DbtProcess(settings)
                try:
                    parser.wait_parsed()
                finally:
                    parser.stop()
    return load_manifest(settings)


def load_manifest(settings: Settings) -> dict[str, Any]:
    """Return dbt's manifest as it stands on disk."""
    manifest: dict[str, Any] = json.loads((settings.dbt_target_dir / "manifest.json").read_bytes())
    return manifest


def load_run_results(settings: Settings) -> list[dict[str, Any]]:
    """Return what dbt did with each node when it last ran; nothing when it stopped before."""
    path = settings.dbt_target_dir / _RUN_RESULTS
    if not path.exists():
        return []
    results: list[dict[str, Any]] = json.loads(path.read_bytes())["results"]
    return results


def forget_run_results(settings: Settings) -> None:
    """Drop what the last run left, so that it is not taken for that of the next."""
    (settings.dbt_target_dir / _RUN_RESULTS).unlink(missing_ok=True)


def _is_fresh(manifest: Path, project_dir: Path) -> bool:
    if not manifest.exists():
        return False
    written = manifest.stat().st_mtime_ns
    return all(path.stat().st_mtime_ns <= written for path in _list_project(project_dir))


def _list_project(project_dir: Path) -> Iterable[Path]:
    """Yield what the manifest depends on; a folder's own time tells of files that went."""
    yield project_dir / "dbt_project.yml"
    yield project_dir / "profiles.yml"
    for name in ("macros", "models", "seeds", "snapshots", "tests"):
        folder = project_dir / name
        if folder.is_dir():
            yield folder
            yield from folder.rglob("*")

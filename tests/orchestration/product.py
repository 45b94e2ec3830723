"""The product's code beside the small world, in a folder of its own: its commands run unchanged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.settings import ROOT
from tests.orchestration.conftest import write_dbt_project, write_ledger


@dataclass(frozen=True)
class Product:
    """A folder with the code, six small models and a ledger; what runs in it stays in it."""

    folder: Path

    @classmethod
    def copy(cls, folder: Path) -> Product:
        """Copy the code into a folder and write the small world beside it."""
        for name in ("orchestration", "sources"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "workspace.yaml", folder)
        write_dbt_project(folder / "dbt_project")
        write_ledger(folder / "ledger", oracle=4.5)
        return cls(folder)

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its runs."""
        return self.folder / ".dagster"

    def change_ledger(self, **gigawatts: float) -> None:
        """Put another ledger in the place of the one that is there."""
        shutil.rmtree(self.folder / "ledger")
        write_ledger(self.folder / "ledger", **gigawatts)

    def add_model(self, path: str, sql: str) -> None:
        """Add a model to the small ones."""
        (self.folder / "dbt_project" / "models" / path).write_text(sql, encoding="utf-8")

    def start(self, command: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command of the product, as make does, in a process group of its own."""
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(
            [sys.executable, "-m", f"orchestration.{command}", *arguments],
            cwd=self.folder,
            env=os.environ | {"GIGALEDGER_LEDGER": "ledger"} | environment,
            text=True,
            start_new_session=True,
            **options,
        )

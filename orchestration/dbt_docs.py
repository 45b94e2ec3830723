"""dbt's own pages of the project, with lineage and the texts of all columns: `make docs`.

One file that opens without network: `warehouse/docs/index.html`. Types and sizes are those of the
work database, as the last refresh left it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestration.dbt_process import DbtError
from orchestration.lock import LockedError, hold_lock
from orchestration.settings import Settings, SettingsError, read_settings

_GENERATE = [
    *(sys.executable, "-c", "from dbt.cli.main import cli; cli()"),
    *("--quiet", "docs", "generate", "--static"),
]


def write_docs(settings: Settings) -> Path:
    """Write the page and return its path.

    Raises:
        FileNotFoundError: no refresh has built anything yet.
        LockedError: a refresh is at work.
        DbtError: dbt did not write the page; the message is its own.
    """
    if not settings.work_database.exists():
        raise FileNotFoundError(f"nothing at {settings.work_database}: run `make refresh` first")
    # A folder of its own: a refresh reads what dbt left in the other.
    target = settings.work_dir / "dbt_docs"
    page = settings.docs_page
    with hold_lock(settings.warehouse_dir, "writing the pages of dbt"):
        finished = subprocess.run(
            _GENERATE,
            env=settings.dbt_environment() | {"DBT_TARGET_PATH": str(target)},
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            raise DbtError(f"dbt wrote no pages:\n{finished.stdout}{finished.stderr}")
        page.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(target / "static_index.html", page)
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and say where it is."""
    argparse.ArgumentParser(prog="dbt_docs", description=__doc__).parse_args(arguments)
    try:
        print(write_docs(read_settings()))
    except (SettingsError, OSError, LockedError, DbtError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

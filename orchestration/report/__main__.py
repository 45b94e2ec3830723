"""Says where the report of the published release lies, opens it, or writes it anew elsewhere."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import duckdb

from orchestration.intact import DamagedError
from orchestration.query import open_release
from orchestration.release import REPORT, ReleaseError
from orchestration.report.page import PAGE_NAME, load_scripts, write_report
from orchestration.settings import SettingsError, read_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the path of the report; 1 when there is none."""
    parser = argparse.ArgumentParser(prog="report", description=__doc__)
    parser.add_argument(
        "--open", action="store_true", help="open it in the browser of this machine"
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FOLDER",
        help="write it from the published release into this folder, as when the page is worked on",
    )
    options = parser.parse_args(arguments)
    try:
        settings = read_settings()
        page = settings.warehouse_dir / REPORT / PAGE_NAME
        if options.write:
            with open_release(settings.release_file) as connection:
                page = write_report(connection, options.write, load_scripts())
        if not page.is_file():
            raise FileNotFoundError(f"no report at {page}: run `make refresh` first")
    except (SettingsError, OSError, DamagedError, ReleaseError, duckdb.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(page)
    if options.open and not webbrowser.open(page.resolve().as_uri()):
        print("error: no browser was found; open the file in one", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

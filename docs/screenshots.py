"""`make screenshots`: the Dagster UI with the real ledger, as PNG files in docs/images/.

A copy of the project is refreshed in a temporary folder, from the UI; what is in `.dagster` and
`warehouse` here stays as it is.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.settings import ROOT
from tests.browser import NAMES, find_chromium, launch_refresh, open_browser, serve_ui

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = ROOT / "docs" / "images"
_MOST_BYTES = 150_000
_COPIED = ("orchestration", "sources", "dbt_project", "workspace.yaml")
_RUN_MS = 600_000
# Time for what is drawn last: the layout of a graph, a plot.
_SETTLE_MS = 3_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the pictures; 0 when all were made, 2 when there is no browser."""
    argparse.ArgumentParser(
        prog="screenshots", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    ).parse_args(arguments)
    chromium = find_chromium()
    if chromium is None:
        print(f"error: none of {', '.join(NAMES)} is on this machine", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name, open_browser(chromium) as browser:
        folder = Path(name) / "gigaledger"
        _copy_project(folder)
        with serve_ui(folder, folder.with_name("ui.log")) as address:
            size = {"width": 1280, "height": 720}
            page = browser.new_page(viewport=size, timezone_id="UTC", base_url=address)
            launch_refresh(page)
            page.get_by_text("Success", exact=True).first.wait_for(timeout=_RUN_MS)
            page.get_by_text("Hide navigation").click()
            for picture, take in PICTURES.items():
                take(page)
                page.wait_for_load_state("networkidle")
                page.get_by_text("Loading").first.wait_for(state="hidden")
                page.wait_for_timeout(_SETTLE_MS)
                _keep(page, picture)
    return 0


def _copy_project(folder: Path) -> None:
    folder.mkdir()
    for name in _COPIED:
        path = ROOT / name
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
            shutil.copytree(path, folder / name, ignore=ignored)
        else:
            shutil.copy(path, folder / name)


def _keep(page: Page, picture: str) -> None:
    content = page.screenshot()
    if len(content) > _MOST_BYTES:
        raise SystemExit(f"{picture}: {len(content):,} bytes, more than {_MOST_BYTES:,}")
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / picture).write_bytes(content)
    print(f"docs/images/{picture}: {len(content):,} bytes")


def _show_graph(page: Page) -> None:
    page.goto("/assets/marts/capacity_by_customer?view=lineage&lineageScope=neighbors")
    page.locator("foreignObject").get_by_text("release", exact=True).first.wait_for()


def _show_run(page: Page) -> None:
    page.goto("/runs")
    page.locator('a[href^="/runs/"]').first.click()
    page.get_by_placeholder("Filter…").fill("type:STEP_SUCCESS")
    page.get_by_text("STEP_SUCCESS").first.wait_for()


def _show_check(page: Page) -> None:
    page.goto("/assets/core/fct_deal_link?view=checks&checkDetail=expectations")
    page.get_by_text("what failed").wait_for()
    page.mouse.move(800, 500)
    page.mouse.wheel(0, 300)


def _show_release(page: Page) -> None:
    page.goto("/assets/release")
    page.get_by_text("Show schema").first.wait_for()
    page.mouse.move(400, 400)
    page.mouse.wheel(0, 700)


def _show_schedules(page: Page) -> None:
    page.goto("/automation")
    page.get_by_text("Scheduled").first.wait_for()


PICTURES: dict[str, Callable[[Page], None]] = {
    "ui-graph.png": _show_graph,
    "ui-run.png": _show_run,
    "ui-check.png": _show_check,
    "ui-release.png": _show_release,
    "ui-schedules.png": _show_schedules,
}

if __name__ == "__main__":
    sys.exit(main())

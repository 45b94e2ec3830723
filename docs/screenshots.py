"""`make screenshots`: the Dagster UI with the real ledger, as PNG files in docs/images/.

A copy of the project is refreshed in a temporary folder, from the UI; what is in `.dagster` and
`warehouse` here stays as it is.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.settings import ROOT
from tests.browser import NAMES, await_end, find_chromium, launch_refresh, open_browser, serve_ui

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

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
            page.set_default_timeout(_RUN_MS)
            launch_refresh(page)
            if (status := await_end(page)) != "Success":
                raise SystemExit(f"the refresh ended with {status}; make refresh shows why")
            page.get_by_text("Hide navigation").click()
            for picture, take in PICTURES.items():
                shown = take(page)
                page.wait_for_load_state("networkidle")
                page.get_by_text("Loading").first.wait_for(state="hidden")
                page.wait_for_timeout(_SETTLE_MS)
                _keep(shown.screenshot(), picture)
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


def _keep(content: bytes, picture: str) -> None:
    if len(content) > _MOST_BYTES:
        raise SystemExit(f"{picture}: {len(content):,} bytes, more than {_MOST_BYTES:,}")
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / picture).write_bytes(content)
    print(f"docs/images/{picture}: {len(content):,} bytes")


def _show_graph(page: Page) -> Locator:
    page.goto("/assets/marts/capacity_by_customer?view=lineage&lineageScope=neighbors")
    page.locator("foreignObject").get_by_text("release", exact=True).first.wait_for()
    return page.locator("body")


def _show_run(page: Page) -> Locator:
    page.goto("/runs")
    page.locator('a[href^="/runs/"]').first.click()
    page.get_by_placeholder("Filter…").fill("type:STEP_SUCCESS")
    page.get_by_text("STEP_SUCCESS").first.wait_for()
    return page.locator("body")


def _show_check(page: Page) -> Locator:
    page.goto("/assets/core/fct_deal_link?view=checks&checkDetail=expectations")
    page.get_by_text("what failed").wait_for()
    page.get_by_text("Latest execution").evaluate("heading => heading.scrollIntoView()")
    return page.locator("body")


def _show_plot(page: Page, number: int) -> Locator:
    page.goto("/assets/release")
    page.get_by_text("[Show Markdown]").nth(number).click()
    dialog = page.get_by_role("dialog")
    dialog.locator("img").wait_for()
    return dialog


def _show_schedules(page: Page) -> Locator:
    page.goto("/automation")
    page.get_by_text("Scheduled").first.wait_for()
    return page.locator("body")


PICTURES: dict[str, Callable[[Page], Locator]] = {
    "ui-graph.png": _show_graph,
    "ui-run.png": _show_run,
    "ui-check.png": _show_check,
    "ui-gigawatts.png": functools.partial(_show_plot, number=0),
    "ui-tokens.png": functools.partial(_show_plot, number=1),
    "ui-schedules.png": _show_schedules,
}

if __name__ == "__main__":
    sys.exit(main())

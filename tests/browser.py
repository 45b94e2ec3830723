"""A Chromium of this machine, driven by playwright, and the Dagster UI that it looks at."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """Return the Chromium of this machine, None when it has none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def open_browser(chromium: str) -> Iterator[Browser]:
    """Start a headless browser, for as long as the context lasts."""
    from playwright import sync_api

    with sync_api.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=chromium, args=options)
        yield browser
        browser.close()


@contextlib.contextmanager
def serve_ui(folder: Path, log: Path, **environment: str) -> Iterator[str]:
    """Run what `make ui` runs, in a project's folder, on a free port; yield the UI's address.

    Raises:
        RuntimeError: when it ends, or does not answer for two minutes; with the end of its log.
    """
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.ui", "--port", str(port)],
            cwd=folder,
            env=os.environ | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_served(process, address, log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(60)
            finally:
                # What a run that is still under way has started.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def _wait_until_served(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(600):
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{address}/server_info", timeout=2).close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    told = log.read_text(encoding="utf-8", errors="replace")[-3000:]
    raise RuntimeError(f"the UI does not answer at {address}:\n{told}")


def launch_refresh(page: Page) -> None:
    """Launch the refresh from the page of its job, and go to the run."""
    page.goto("/locations/gigaledger/jobs/refresh")
    page.get_by_text("Materialize all").click()
    confirm, view = (page.get_by_text(name, exact=True) for name in ("Confirm", "View"))
    confirm.or_(view).wait_for()
    if confirm.is_visible():
        # Asked when something upstream was never made, as a feed that was never polled.
        confirm.click()
    view.click()


def await_end(page: Page) -> str | None:
    """Wait, as long as the page does, for the run that it shows to end; return how it ended."""
    status = page.get_by_text(re.compile("^(Success|Failure|Canceled)$")).first
    status.wait_for()
    return status.text_content()

"""The Dagster UI as an operator meets it: the product's own command, in a real browser.

The first test is part of `make test`; `make ui-test` runs the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, ScheduleInstigatorData

from tests.browser import await_end, launch_refresh, serve_ui
from tests.orchestration.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# A run, or a page on a machine that does much else.
_PATIENCE_MS = 120_000
_DAY_S = 86_400
_SCHEDULE = "/locations/gigaledger/schedules/daily_refresh"
_CHECK = "/assets/core/dim_deal?view=checks&checkDetail=expectations"

_PLOT = "Announced gigawatts, as known at the end of each month"
# What the plot is drawn of; the small world has no such table.
_HISTORY = """
select
    'all' as customer_id,
    cast(month_end as date) as month_end,
    gw as gross_gw_base,
    gw as net_gw_low,
    gw as net_gw_base,
    gw as net_gw_high,
    cast(null as decimal(18, 9)) as firm_gw_base
from (values ('2025-06-30', 1.0), ('2025-07-31', 4.5)) as history (month_end, gw)
"""


@pytest.fixture
def product(tmp_path: Path) -> Product:
    """The product's code beside the small world."""
    return Product.copy(tmp_path / "product")


@contextmanager
def _open_ui(product: Product, browser: Browser) -> Iterator[Page]:
    """Start the UI and open a page, which may ask nobody but the UI."""
    log = product.folder / "ui.log"
    with serve_ui(product.folder, log, GIGALEDGER_LEDGER="ledger") as address:
        page = browser.new_page(base_url=address, viewport={"width": 1400, "height": 900})
        page.set_default_timeout(_PATIENCE_MS)
        own = (address, f"blob:{address}", "data:")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        yield page
        assert asked and not [url for url in asked if not url.startswith(own)]
        page.close()


def _look_at_graph(page: Page) -> None:
    page.goto("/asset-groups")
    nodes = page.locator("foreignObject")
    nodes.get_by_text("release").wait_for()
    groups = {"raw", "core", "marts", "audit", "as_of", "release"}
    assert groups <= {node.text_content() for node in nodes.all()}

    page.goto("/assets/core/dim_deal?view=lineage")
    for name in ("deal_event", "dim_deal", "capacity_by_customer", "deals_as_of", "release"):
        page.locator("foreignObject").get_by_text(name, exact=True).first.wait_for()


def _switch_on(page: Page) -> None:
    page.goto(_SCHEDULE)
    page.get_by_text("Schedule has never run").wait_for()
    page.locator("label:has(input:not(:checked):enabled)").click()
    page.locator("label:has(input:checked)").wait_for()


def _look_at_plot(page: Page) -> None:
    page.get_by_text("[Show Markdown]").first.click()
    plot = page.get_by_alt_text(_PLOT)
    plot.wait_for()
    # A picture that cannot be drawn has no size of its own.
    assert plot.evaluate("image => image.naturalWidth") > 0


def _find_tcp_addresses(port: int) -> set[str]:
    """Return the addresses on which this machine listens at a port, as the kernel writes them."""
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    listens = "0A"
    local = [line[1].split(":") for line in lines if line[3] == listens]
    return {address for address, found in local if int(found, 16) == port}


def test_the_graph_is_shown_and_the_schedule_can_be_switched_on(
    product: Product, browser: Browser
) -> None:
    with _open_ui(product, browser) as page:
        _look_at_graph(page)
        _switch_on(page)
        assert _find_tcp_addresses(urlsplit(page.url).port or 0) == {"0100007F"}

    with dg.DagsterInstance.from_config(str(product.dagster_home)) as instance:
        assert _read_schedule(instance).is_running


@pytest.mark.ui
def test_a_day_of_an_operator(product: Product, browser: Browser) -> None:
    product.add_model("marts/commitments_history.sql", _HISTORY)
    with _open_ui(product, browser) as page:
        _look_at_graph(page)
        _switch_on(page)

        launch_refresh(page)
        assert await_end(page) == "Success"
        release_file = product.folder / "warehouse" / "gigaledger.duckdb"
        published = release_file.read_bytes()
        page.goto("/assets/release")
        [release] = (product.folder / "warehouse" / "releases").glob("2*")
        page.get_by_text(release.name, exact=True).wait_for()
        _look_at_plot(page)
        page.goto(_CHECK)
        page.get_by_text("Passed").wait_for()

    # Overnight the machine was off, and a deal came in that is too large.
    _put_start_back(product)
    product.change_ledger(oracle=4.5, amd=6)

    with _open_ui(product, browser) as page:
        # The daemon makes up for the tick that was missed.
        page.goto(_SCHEDULE)
        page.get_by_text(re.compile("run requested")).first.wait_for()
        run = page.locator('a[href^="/runs/"]').first.get_attribute("href")
        page.goto(str(run))
        assert await_end(page) == "Failure"
        page.goto(_CHECK)
        page.get_by_text("Failed", exact=True).first.wait_for()
        cells = page.locator("table td").all_inner_texts()
        assert '[{"deal_id": "amd", "capacity_gw_base": "6.000000000"}]' in cells
        assert "No deal of this small world is larger." in cells

    assert release_file.read_bytes() == published


def _put_start_back(product: Product) -> None:
    """Let the schedule have been switched on a day earlier than it was."""
    with dg.DagsterInstance.from_config(str(product.dagster_home)) as instance:
        state = _read_schedule(instance)
        data = state.instigator_data
        assert isinstance(data, ScheduleInstigatorData)
        assert data.start_timestamp is not None
        earlier = ScheduleInstigatorData(data.cron_schedule, data.start_timestamp - _DAY_S)
        instance.update_instigator_state(state.with_data(earlier))


def _read_schedule(instance: dg.DagsterInstance) -> InstigatorState:
    """Return the state of the daily refresh."""
    states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    [state] = [state for state in states if state.name == "daily_refresh"]
    return state

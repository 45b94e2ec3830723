"""dbt's pages: made by dbt itself, and read in a browser that has no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from orchestration.dbt_docs import main, write_docs
from orchestration.dbt_process import DbtError
from orchestration.lock import LockedError, hold_lock
from orchestration.settings import WAREHOUSE, Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def _build(world: Settings) -> None:
    """Leave what a refresh leaves, as far as the pages show it: a table with its types."""
    world.work_dir.mkdir(parents=True)
    with duckdb.connect(str(world.work_database)) as connection:
        connection.execute("create schema core")
        connection.execute("create table core.dim_deal (capacity_gw_base decimal(17, 8))")


def test_pages_open_without_network_and_show_columns_and_lineage(
    world: Settings, browser: Browser
) -> None:
    _build(world)
    page = write_docs(world)

    opened = browser.new_page()
    opened.context.set_offline(True)
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(f"{page.as_uri()}#!/model/model.gigaledger.dim_deal")
    for text in ("One row per deal.", "Contracted capacity.", "DECIMAL(17,8)"):
        opened.get_by_text(text).first.wait_for(state="attached")

    opened.locator("[ng-click='onLauncherClick()']").click()
    opened.locator("canvas").first.wait_for()
    # The graph is drawn on a canvas: what it holds is asked of the library that draws it.
    drawn = opened.evaluate(
        "[...document.querySelectorAll('*')].find(element => element._cyreg)"
        "._cyreg.cy.nodes().map(node => node.data('label'))"
    )
    assert {"dim_deal", "raw_ledger.deal_event"} <= set(drawn)
    assert all(address.startswith(page.parent.as_uri()) for address in asked), asked


def test_without_a_refresh_or_beside_one_it_says_what_to_do(
    world: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(WAREHOUSE, str(world.warehouse_dir))
    assert main([]) == 1
    assert "run `make refresh` first" in capsys.readouterr().err

    _build(world)
    with (
        hold_lock(world.warehouse_dir, "a refresh"),
        pytest.raises(LockedError, match="a refresh"),
    ):
        write_docs(world)


def test_what_dbt_cannot_read_leaves_the_page_of_before(world: Settings) -> None:
    _build(world)
    world.docs_page.parent.mkdir(parents=True)
    world.docs_page.write_text("before")
    (world.dbt_project_dir / "models" / "core" / "dim_deal.yml").write_text("models: [{nam: x}]")

    with pytest.raises(DbtError, match="dim_deal.yml"):
        write_docs(world)
    assert world.docs_page.read_text() == "before"

"""A small world: two deals, a dbt project of a few models, a warehouse of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestration.settings import ROOT, Settings
from tests.browser import NAMES, find_chromium, open_browser
from tests.sources.ledger.ledgers import write_yaml

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_PROJECT = Path(__file__).parent / "project"
_DAY = date(2026, 11, 25)


def _make_deal(name: str, gigawatts: float) -> dict[str, object]:
    return {
        "id": name,
        "title": f"OpenAI rents capacity from {name}",
        "kind": "cloud_services",
        "parties": [
            {"org": "openai", "role": "customer"},
            {"org": name, "role": "cloud_provider"},
        ],
        "events": [
            {
                "known_on": "2025-07-22",
                "kind": "announced",
                "commitment": "framework",
                "capacity_gw": {"value": gigawatts, "qualifier": "exact"},
                "sources": ["paper"],
            }
        ],
        "confidence": "high",
    }


def write_ledger(folder: Path, **gigawatts: float) -> Path:
    """Write a ledger of one deal for each provider that is named."""
    document = {
        "id": "paper",
        "publisher": "A paper",
        "title": "Report",
        "url": "https://example.org/report",
        "published_on": "2025-07-22",
        "tier": "secondary",
        "read": "full",
    }
    organizations = [
        {"id": name, "name": name.title(), "kind": "other"} for name in ("openai", *gigawatts)
    ]
    records = {
        "organizations": organizations,
        "documents": [document],
        "deals": [_make_deal(name, value) for name, value in gigawatts.items()],
    }
    return write_yaml(folder, records)


def write_dbt_project(project: Path) -> None:
    """Write the project of six small models, with the macros of the warehouse."""
    shutil.copytree(_PROJECT, project)
    shutil.copytree(ROOT / "dbt_project" / "macros", project / "macros")
    for name in ("profiles.yml", ".dbtignore"):
        shutil.copy(ROOT / "dbt_project" / name, project / name)


def make_world(folder: Path) -> Settings:
    """Make the small world in a folder and return its settings; nothing is refreshed in it yet."""
    write_dbt_project(folder / "project")
    write_ledger(folder / "ledger", oracle=4.5)
    return open_world(folder)


def open_world(folder: Path) -> Settings:
    """Return the settings of the small world that stands in a folder."""
    return Settings(
        ledger_dir=folder / "ledger",
        warehouse_dir=folder / "warehouse",
        today=_DAY,
        latest_day=_DAY,
        threads=2,
        dagster_home=folder / "dagster",
        dbt_project_dir=folder / "project",
    )


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    """The small world, for one test alone."""
    return make_world(tmp_path)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A Chromium of this machine."""
    pytest.importorskip("playwright.sync_api")
    chromium = find_chromium()
    if chromium is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on this machine: apt-get install chromium")
    with open_browser(chromium) as opened:
        yield opened

"""The compiled project, once a session, and the settings of Hypothesis."""

from __future__ import annotations

import datetime as dt
import os
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from orchestration import history
from sources.ledger.flatten import RAW_TABLES
from tests.warehouse.harness import (
    DATABASE,
    ROOT,
    CompiledProject,
    Warehouse,
    compile_project,
    read_ledger,
)

_SLOW_BY_NATURE = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)

# Without shrinking: a failure lists the deals that differ, and minutes of search say little more.
settings.register_profile(
    "repeatable",
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=30,
    suppress_health_check=_SLOW_BY_NATURE,
)
settings.register_profile(
    "searching", deadline=None, max_examples=300, suppress_health_check=_SLOW_BY_NATURE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def project(request: pytest.FixtureRequest) -> CompiledProject:
    """The dbt project as dbt compiles it; compiled anew only after a change."""
    return compile_project(request.config.cache.mkdir("gigaledger_dbt"))


@pytest.fixture(scope="session")
def warehouse_of(project: CompiledProject) -> Any:
    """A warehouse of some models, kept for the whole session."""
    return cache(lambda *models: Warehouse(project, models))


@pytest.fixture(scope="session")
def published_warehouse(project: CompiledProject) -> Warehouse:
    """Every model on the real ledger, with the tables that only a release writes; never changed."""
    today = dt.date(2026, 11, 25)
    noon = dt.datetime.combine(today, dt.time(12))
    built = Warehouse(project, project.names())
    built.load(read_ledger(ROOT / "sources" / "ledger"), today=today)
    release = history.ReleaseRow(
        "20261125T120000Z-00000000", noon, None, today, "ledger", "content", 0, 0, 0, 0, 0
    )
    history.create_tables(built.connection)
    history.write_releases(built.connection, release, previous=None)
    history.write_record_history(
        built.connection,
        work=DATABASE,
        previous=None,
        release_id=release.release_id,
        published_at=noon,
        records={table: raw.kind for table, raw in RAW_TABLES.items()},
    )
    return built

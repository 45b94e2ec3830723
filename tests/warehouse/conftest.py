"""The compiled project, once a session, and the settings of Hypothesis."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.warehouse.harness import CompiledProject, Warehouse, compile_project

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

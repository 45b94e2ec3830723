"""The compiled project, once a session, and the settings of Hypothesis."""

from __future__ import annotations

import datetime as dt
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from orchestration import history
from orchestration.audit.results import CheckKind, CheckResult, Severity
from sources.ledger.flatten import RAW_TABLES
from tests.warehouse.harness import (
    DATABASE,
    ROOT,
    CompiledProject,
    Ledger,
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
def publish(project: CompiledProject) -> Any:
    """Makes every model of a ledger, with the tables that only a release writes, in memory."""
    today = dt.date(2026, 11, 25)

    def run(ledger: Ledger, *, hour: int = 12, revision: str = "a") -> Warehouse:
        published_at = dt.datetime.combine(today, dt.time(hour))
        built = Warehouse(project, project.names())
        built.load(ledger, today=today)
        built.describe()
        release = history.ReleaseRow(
            release_id=f"{published_at:%Y%m%dT%H%M%SZ}-00000000",
            published_at=published_at,
            git_revision=revision,
            today=today,
            ledger_hash="of the ledger",
            content_hash="of the content",
            table_count=0,
            row_count=0,
            checks_passed=0,
            checks_failed=0,
            records_quarantined=0,
        )
        check = CheckResult(
            table_name="core.dim_deal",
            check_name="is_sound",
            check_kind=CheckKind.DBT_TEST,
            severity=Severity.STOP,
            is_executed=True,
            is_passed=True,
            examined_rows=None,
            failed_rows=0,
            failing_sample=None,
            message=None,
            why="A release was checked.",
        )
        history.create_tables(built.connection)
        history.write_releases(built.connection, release, previous=None)
        history.write_check_results(built.connection, release.release_id, [check])
        history.write_record_history(
            built.connection,
            work=DATABASE,
            previous=None,
            release_id=release.release_id,
            published_at=published_at,
            records={table: raw.kind for table, raw in RAW_TABLES.items()},
        )
        return built

    return run


@pytest.fixture(scope="session")
def published_warehouse(publish: Any) -> Warehouse:
    """The real ledger as a release has it; never changed."""
    return publish(read_ledger(ROOT / "sources" / "ledger"))


@pytest.fixture(scope="session")
def warehouse_dir(
    published_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The release as a file, where the commands look for it; never changed."""
    folder = tmp_path_factory.mktemp("warehouse")
    connection = published_warehouse.connection
    connection.execute(f"attach '{folder / 'gigaledger.duckdb'}' as written")
    connection.execute("copy from database gigaledger to written")
    connection.execute("detach written")
    return folder

"""dbt's unit tests of the models, one worked example a rule; a refresh leaves them out."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb

from sources.feeds.feed import find_feeds
from sources.feeds.load import create_tables
from sources.ledger.load import load_ledger
from tests.warehouse.harness import ROOT


def test_unit_tests_of_the_models_hold(tmp_path: Path) -> None:
    work_database = tmp_path / "gigaledger.duckdb"
    with duckdb.connect(work_database) as connection:
        load_ledger(connection, ROOT / "sources" / "ledger", today=dt.date(2026, 11, 25))
        create_tables(connection, find_feeds().values())
    project = ROOT / "dbt_project"
    # A unit test reads the columns of the tables that it replaces, so the models are built too.
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "--quiet", "build"),
            *("--exclude-resource-type", "test"),
            *("--project-dir", str(project), "--profiles-dir", str(project)),
            *("--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")),
        ],
        env={**os.environ, "GIGALEDGER_WORK_DB": str(work_database)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-4000:] + finished.stderr[-1000:]
    results = json.loads((tmp_path / "target" / "run_results.json").read_text(encoding="utf-8"))
    unit_tests = [
        result for result in results["results"] if result["unique_id"].startswith("unit_test.")
    ]
    assert len(unit_tests) >= 40
    assert {result["status"] for result in unit_tests} == {"pass"}

"""The steps of a refresh as plain functions of the settings; the assets call them.

Each opens the work database and closes it again: dbt, which runs between them in a process of its
own, must find it free.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from orchestration.audit.data_docs import FOLDER, describe_suites, write_data_docs
from orchestration.audit.dbt_tests import read_dbt_tests
from orchestration.audit.declared import list_declared
from orchestration.audit.expectations import run_suites
from orchestration.audit.gate import Rules, build_gate, list_excuses
from orchestration.audit.results import (
    AuditError,
    CheckResult,
    forget_results,
    insert_rows,
    require_passed,
    write_results,
)
from orchestration.audit.suites import Suite, SuiteError, load_suites
from orchestration.dbt_process import (
    DbtError,
    forget_run_results,
    load_manifest,
    load_run_results,
)
from orchestration.hashes import InputFile, hash_inputs
from orchestration.release import REPORT, Origin, Release, WriteReport, publish_release
from orchestration.releases.prune import prune
from orchestration.releases.rules import hash_rules, read_keys
from orchestration.report.page import load_scripts, write_report
from orchestration.settings import ROOT, Settings
from sources.ledger.flatten import RAW_TABLES
from sources.ledger.load import BULK_NAMES, LedgerReport, load_ledger
from sources.ledger.parse import FOLDERS

Progress = Callable[[str], None]

# Kept in the work database from the load to the release: a file may change in between.
INPUT_TABLE = "raw_ledger.input_file"

# Raw table to the kind of record that its rows belong to.
_RECORDS = {table: raw.kind for table, raw in RAW_TABLES.items()}

_VERSIONS = ("dagster", "dbt-core", "dbt-duckdb", "duckdb", "great-expectations")


def load_raw(settings: Settings, progress: Progress | None = None) -> LedgerReport:
    """Begin a new work database and fill its raw tables."""
    settings.work_dir.mkdir(parents=True, exist_ok=True)
    for leftover in settings.work_dir.glob("gigaledger.duckdb*"):
        leftover.unlink()
    inputs = hash_inputs(settings.ledger_dir, list_inputs(settings.ledger_dir))
    with open_work(settings) as connection:
        report = load_ledger(
            connection,
            settings.ledger_dir,
            today=settings.today,
            latest_day=settings.latest_day,
            progress=progress,
        )
        connection.execute(
            f"create or replace table {INPUT_TABLE} (path varchar, byte_count bigint, sha256 varchar)"
        )
        insert_rows(connection, INPUT_TABLE, [astuple(item) for item in inputs])
    return report


def list_inputs(ledger_dir: Path) -> list[Path]:
    """Return every file of a ledger folder that the load reads."""
    yaml_files = [path for name in FOLDERS for path in (ledger_dir / name).glob("*.yml")]
    bulk_files = [
        ledger_dir / f"{name}.{form}"
        for name in BULK_NAMES.values()
        for form in ("jsonl", "parquet")
    ]
    return [path for path in (*yaml_files, *bulk_files) if path.is_file()]


def forget_audit(settings: Settings) -> None:
    """Drop the last verdict: what dbt is about to build is not yet checked."""
    forget_run_results(settings)
    shutil.rmtree(settings.work_dir / FOLDER, ignore_errors=True)
    if settings.work_database.exists():
        with open_work(settings) as connection:
            forget_results(connection)


def require_built(settings: Settings, error: Exception | None) -> None:
    """Raise when dbt failed, and keep what its tests found, so that the rows can be looked at.

    When nothing failed nothing is kept: the build is not yet audited.

    Raises:
        DbtError: when a model failed, or dbt itself did with `error`.
        AuditError: when a test failed.
    """
    run_results = load_run_results(settings)
    with open_work(settings) as connection:
        results = read_dbt_tests(connection, load_manifest(settings), run_results)
        if error or any(result.is_blocking for result in results):
            write_results(connection, results)
            _write_docs_of_build(settings, results, suites=[])
    broken = [
        f"  {result['unique_id'].split('.', 2)[-1]}: {result['message']}"
        for result in run_results
        if result["status"] == "error"
    ]
    if broken:
        raise DbtError("\n".join(["dbt could not build:", *broken]))
    require_passed(results)
    if error:
        raise DbtError(str(error))


def audit(settings: Settings) -> list[CheckResult]:
    """Run every expectation on the work database and keep all results, dbt's tests among them.

    Raises:
        AuditError: when the last release cannot be compared with.
        SuiteError: when an expectation file cannot be understood, or there is none.
    """
    suites = _load_suites(settings)
    manifest = load_manifest(settings)
    excuses = list_excuses(settings.release_file)
    with open_work(settings) as connection:
        build_gate(
            connection,
            settings.release_file,
            manifest=manifest,
            records=_RECORDS,
            declared=list_declared(suites, manifest),
            rules=Rules(hash_rules(manifest), _read_versions()),
        )
        results = [
            *run_suites(connection, suites, excuses),
            *read_dbt_tests(connection, manifest, load_run_results(settings)),
        ]
        write_results(connection, results)
    if any(result.is_blocking for result in results):
        _write_docs_of_build(settings, results, suites)
    return results


def _write_docs_of_build(
    settings: Settings, results: Sequence[CheckResult], suites: Sequence[Suite]
) -> None:
    """Write the page of a build that will have no release to hold it."""
    title = "a build that was not published"
    facts = {"stands on": settings.today}
    write_data_docs(settings.work_dir / FOLDER, title, facts, results, describe_suites(suites))


def publish(settings: Settings, progress: Progress | None = None) -> Release:
    """Publish the work database as a release.

    Raises:
        AuditError: when it is not checked, or a check stops it.
    """
    if not settings.work_database.exists():
        raise AuditError(f"there is nothing to publish in {settings.work_dir}; refresh")
    with open_work(settings) as connection:
        rows = connection.execute(f"select * from {INPUT_TABLE} order by path").fetchall()
    manifest = load_manifest(settings)
    suites = _load_suites(settings)
    origin = Origin(
        git_revision=_read_git_revision(),
        versions=_read_versions(),
        inputs=[InputFile(*row) for row in rows],
        records=_RECORDS,
        declared=list_declared(suites, manifest, list_excuses(settings.release_file)),
        keys=read_keys(manifest),
        rules=hash_rules(manifest),
        check_texts=describe_suites(suites),
    )
    release = publish_release(
        settings.work_database,
        settings.warehouse_dir,
        origin,
        threads=settings.threads,
        write_report=_choose_report(manifest),
        progress=progress,
    )
    prune_releases(settings, progress or (lambda message: None))
    return release


def _choose_report(manifest: Mapping[str, Any]) -> WriteReport | None:
    """Return what writes the report, if the dbt project declares it, and so has its tables."""
    if not any(exposure["name"] == REPORT for exposure in manifest["exposures"].values()):
        return None
    return partial(write_report, scripts=load_scripts())


def prune_releases(settings: Settings, say: Progress) -> None:
    """Delete old releases; what cannot be deleted is told and fails nothing, for it is published."""
    try:
        pruned = prune(settings.warehouse_dir, settings.keep_releases)
    except OSError as error:
        say(f"old releases could not be pruned, the next refresh tries again: {error}")
        return
    if pruned:
        say(f"pruned {len(pruned)} old releases: {', '.join(pruned)}")


def _load_suites(settings: Settings) -> list[Suite]:
    models_dir = settings.dbt_project_dir / "models"
    suites = load_suites(models_dir)
    if not suites:
        raise SuiteError(f"no expectation file under {models_dir}: nothing would guard a release")
    return suites


def _read_versions() -> dict[str, str]:
    """Return the versions of what makes a release."""
    versions = {name: metadata.version(name) for name in _VERSIONS}
    return versions | {"python": platform.python_version()}


def _read_git_revision() -> str | None:
    """Return the commit of the project, marked when files differ from it; None without git."""
    command = ("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None


@contextlib.contextmanager
def open_work(settings: Settings) -> Iterator[DuckDBPyConnection]:
    """Open the work database while the context lasts."""
    with duckdb.connect(settings.work_database, config={"threads": settings.threads}) as connection:
        yield connection

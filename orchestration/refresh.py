"""`make refresh`: from the ledger to a release, in one process and under one lock.

It runs the same Dagster job as the UI, in the same instance, so that the run shows there too. dbt
is started first, because it takes longest to get ready.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from orchestration.dbt_process import DbtError, DbtProcess, load_manifest
from orchestration.imports import collect_rarely
from orchestration.lock import LockedError, hold_lock
from orchestration.postgres import require_reachable
from orchestration.remedies import find_remedy
from orchestration.settings import (
    Settings,
    SettingsError,
    prepare_dagster_home,
    read_settings,
    silence_telemetry,
)
from sources.ledger.control import escape_control

if TYPE_CHECKING:
    from orchestration.release import Release
    from orchestration.resources import Workshop
    from sources.feeds.load import FeedReport
    from sources.ledger.load import LedgerReport

_MAX_NAMED = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Refresh; 0 when a release was published, 1 when it was not, 2 when it could not begin."""
    parser = argparse.ArgumentParser(
        prog="refresh",
        description="Build the warehouse from the ledger, check it, and publish a release. The last"
        " release stays in place when anything fails. Settings: see .env.example.",
    )
    parser.add_argument(
        "--build-only", action="store_true", help="load, build and test; check and publish nothing"
    )
    options = parser.parse_args(arguments)
    try:
        settings = read_settings()
        require_reachable(settings)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        with hold_lock(settings.warehouse_dir, "make refresh"):
            return refresh(settings, build_only=options.build_only)
    except (LockedError, OSError) as error:
        remedy = find_remedy(error, settings)
        print(f"error: {error}{f'; {remedy}' if remedy else ''}", file=sys.stderr)
        return 2


def refresh(settings: Settings, *, build_only: bool = False) -> int:
    """Refresh the warehouse, whose lock the caller holds; return the exit status."""
    begun = time.perf_counter()
    # Named now: what dbt prints is sent to a file while the job runs.
    terminal = sys.stdout

    def say(message: str) -> None:
        print(f"{time.perf_counter() - begun:6.1f} s  {message}", file=terminal, flush=True)

    collect_rarely()
    silence_telemetry()
    prepare_dagster_home(settings)
    workshop: Workshop | None = None
    dbt = DbtProcess(settings)
    try:
        say("start Dagster and dbt")
        # Imported now that dbt imports too, in its own process.
        from orchestration import job
        from orchestration.resources import Workshop

        dbt.wait_parsed()
        workshop = Workshop(settings, dbt=dbt, progress=say)
        log = settings.work_dir / "refresh.log"
        with log.open("w", encoding="utf-8") as file, contextlib.redirect_stdout(file):
            try:
                reason = job.run(settings, load_manifest(settings), workshop, build_only=build_only)
            except Exception as error:  # noqa: BLE001  of Dagster itself, as on a full disk
                reason = error
            if reason is not None:
                traceback.print_exception(reason, file=file)
    except (DbtError, OSError, KeyboardInterrupt) as error:
        reason = error
    finally:
        dbt.stop()
    if reason is not None:
        return _tell_failure(settings, workshop, reason)
    say("done")
    print()
    if workshop is not None and workshop.release is not None:
        _summarise(workshop, workshop.release)
    return 0


def _tell_failure(settings: Settings, workshop: Workshop | None, reason: BaseException) -> int:
    """Say why nothing was published and what to look at; return the exit status."""
    from orchestration.audit.data_docs import FOLDER
    from orchestration.audit.results import AuditError
    from orchestration.audit.suites import SuiteError
    from orchestration.release import ReleaseError
    from sources.ledger.load import LedgerError

    if workshop is not None and workshop.report is not None:
        _tell_quarantined(workshop.report)
    place = f"The last release stays in place: {_shorten(settings.release_file)}"
    outcome = place if settings.release_file.exists() else "Nothing was published."
    if isinstance(reason, KeyboardInterrupt):
        print(f"\ninterrupted. {outcome}", file=sys.stderr)
        return 130
    if isinstance(reason, AuditError):
        print(f"\nerror: {reason}\n{outcome}\nRows that failed: make failures", file=sys.stderr)
        page = settings.work_dir / FOLDER / "index.html"
        if page.exists():
            print(f"The same as a page: {_shorten(page)}", file=sys.stderr)
    elif isinstance(reason, DbtError | LedgerError | ReleaseError | SuiteError):
        print(f"\nerror: {reason}\n{outcome}", file=sys.stderr)
    else:
        log = _shorten(settings.work_dir / "refresh.log")
        print(f"\nerror: {type(reason).__name__}: {reason}\n{outcome}", file=sys.stderr)
        print(f"Where it happened is at the end of {log}", file=sys.stderr)
    if remedy := find_remedy(reason, settings):
        print(f"What to do: {remedy}", file=sys.stderr)
    return 1


def _summarise(workshop: Workshop, release: Release) -> None:
    from orchestration.audit.results import describe
    from orchestration.release import REPORT

    tables = [
        f"{found.row_count:>9,}  {table:<36}" for table, found in sorted(release.tables.items())
    ]
    half = (len(tables) + 1) // 2
    for left, right in itertools.zip_longest(tables[:half], tables[half:], fillvalue=""):
        print(f"{left}{right}".rstrip())
    print()
    failed = [result for result in release.results if not result.is_passed]
    passed = len(release.results) - len(failed)
    print(f"release  {release.release_id}, {len(tables)} tables")
    print(f"moved    {release.changes['summary']}")
    print(f"checks   {passed} passed, {len(failed)} failed{' (as warnings)' if failed else ''}")
    for result in failed:
        print(f"         warning: {describe(result)}")
    notes = Counter(result.message for result in release.results if result.is_passed)
    for note, count in notes.items():
        if note:
            print(f"         {count} of those that passed: {note}")
    if workshop.report is not None:
        _tell_quarantined(workshop.report)
    _tell_feeds(workshop.feeds)
    print(_measure_openai(release.file))
    print(f"file     {_shorten(release.file)}")
    if release.report.exists():
        print(f"report   {_shorten(release.file.parent / REPORT / release.report.name)}")


def _tell_quarantined(report: LedgerReport) -> None:
    print(f"records  {report.received:,} received, {report.quarantined:,} quarantined")
    for refusal in report.refusals[:_MAX_NAMED]:
        field = f"{refusal.field}: " if refusal.field else ""
        told = f"{refusal.file}:{refusal.line}: {field}{refusal.message}; {refusal.remedy}"
        print(f"         {escape_control(told)}")
    if len(report.refusals) > _MAX_NAMED:
        print(f"         and {len(report.refusals) - _MAX_NAMED} more in audit.quarantine")


def _tell_feeds(feeds: Sequence[FeedReport]) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    for number, report in enumerate(feeds):
        age = report.age_days(now)
        told = "" if age is None else f", {age} day{'' if age == 1 else 's'} old"
        refused = f", {report.quarantined:,} quarantined" if report.quarantined else ""
        label = "" if number else "feeds"
        print(f"{label:<9}{report.feed}: {report.kind}{told}, {report.accepted:,} records{refused}")
        for problem in report.problems:
            print(f"           {problem}")


def _measure_openai(file: Path) -> str:
    with duckdb.connect(file, read_only=True) as connection:
        row = connection.execute(
            "select gross_gw_base, total_gw_base, firm_gw_base from marts.capacity_by_customer"
            " where customer_id = 'openai' and layer = 'net'"
        ).fetchone()
    if row is None:
        return "OpenAI   is no customer in this ledger"
    gross, net, firm = (f"{float(figure or 0):.1f} GW" for figure in row)
    return f"OpenAI   {gross} gross, {net} net, {firm} firm"


def _shorten(path: Path) -> str:
    """Return a path as seen from here, when it lies here."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All is closed; taking thousands of modules down one by one would take most of a second.
    os._exit(status)

"""From a ledger to a release, for real: dbt, Great Expectations, Dagster and DuckDB."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration import failures
from orchestration.alerts import Cause, find_cause
from orchestration.lock import LockedError, hold_lock
from orchestration.refresh import refresh
from orchestration.resources import make_workshop
from orchestration.settings import ROOT, Settings
from tests.orchestration.conftest import write_ledger


def _list_releases(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.warehouse_dir / "releases").iterdir())


def _list_failed_rows(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return the rows that the UI shows as those that failed in a run."""
    found = ""
    for entry in instance.all_logs(run_id):
        event = entry.dagster_event
        if event and event.is_step_failure and event.step_failure_data.user_failure_data:
            metadata = event.step_failure_data.user_failure_data.metadata
        elif event and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            metadata = event.asset_check_evaluation_data.metadata
        else:
            continue
        if "what failed" in metadata:
            found += "".join(
                str(row.data["some of them"]) for row in metadata["what failed"].records
            )
    return found


def _find_cause(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Cause:
    (failure,) = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE
    ).records
    event = failure.event_log_entry.dagster_event
    assert event
    context = dg.build_run_status_sensor_context(
        sensor_name="alerts", dagster_instance=instance, dagster_run=run, dagster_event=event
    )
    return find_cause(context.for_run_failure())


def test_what_fails_keeps_the_last_release_and_says_why(
    world: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refresh(world) == 0

    published = capsys.readouterr().out
    first = _list_releases(world)
    assert f"release  {first[0]}, 11 tables" in published
    assert "checks   6 passed, 0 failed" in published
    assert "1  core.dim_deal" in published
    assert "OpenAI   4.5 GW gross, 4.5 GW net, 4.5 GW firm" in published

    # Larger than the expectation allows; dbt's own test accepts it.
    write_ledger(world.ledger_dir, oracle=4.5, amd=6)
    assert refresh(world) == 1

    told = capsys.readouterr()
    assert "expect_column_values_to_be_between(capacity_gw_base)" in told.err
    assert '"deal_id": "amd"' in told.err
    assert "No deal of this small world is larger" in told.err
    assert "last release stays in place" in told.err
    assert _list_releases(world) == first
    assert "deal_id amd, capacity_gw_base 6.0" in failures.tell_failures(world)

    # Refused by dbt's test; the audit is not reached.
    write_ledger(world.ledger_dir, oracle=4.5, amd=7)
    assert refresh(world) == 1

    assert "The two sizes of this small world" in capsys.readouterr().err
    assert _list_releases(world) == first

    broken = world.dbt_project_dir / "models" / "core" / "dim_deal.sql"
    broken.write_text("select no_such_column from {{ source('raw_ledger', 'deal_event') }}")
    assert refresh(world) == 1

    assert "no_such_column" in capsys.readouterr().err
    with duckdb.connect(world.release_file, read_only=True) as connection:
        assert connection.execute("select deal_id from core.dim_deal").fetchall() == [("oracle",)]

    monkeypatch.setenv("DAGSTER_HOME", str(world.dagster_home))
    with dg.DagsterInstance.get() as instance:
        runs = [run.status.value for run in instance.get_runs()]
        latest = instance.get_latest_materialization_event(dg.AssetKey("release"))
        raw = instance.get_latest_materialization_event(dg.AssetKey(["raw_ledger", "deal"]))
        (seen,) = instance.fetch_observations(dg.AssetKey(["core", "dim_deal"]), limit=2).records
        shown = [_list_failed_rows(instance, run.run_id) for run in instance.get_runs()]
        causes = [_find_cause(instance, run) for run in instance.get_runs()[:3]]
    assert runs == ["FAILURE", "FAILURE", "FAILURE", "SUCCESS"]
    # In the UI too, whether dbt's test found them or Great Expectations.
    assert '"capacity_gw_base": "6.0' in shown[2] and '"deal_id": "amd"' in shown[2]
    assert '"value_field": "7.0' in shown[1]
    assert shown[0] == shown[3] == ""
    # And in the alert, had the scheduler started the run.
    assert [cause.title for cause in causes] == [
        "refresh failed at dbt_models",
        "refresh failed at dbt_models",
        "refresh failed at audit",
    ]
    assert "no_such_column" in causes[0].text
    assert "The two sizes of this small world" in causes[1].text
    assert '"deal_id": "amd"' in causes[2].text
    assert len({cause.key for cause in causes}) == 3
    assert latest and latest.asset_materialization
    assert latest.asset_materialization.metadata["release_id"].value == first[0]
    assert latest.asset_materialization.metadata["what moved"].value == "the first release"
    # What a person sees on the page of a table: its rows as published, its columns as received.
    assert seen.asset_observation and raw and raw.asset_materialization
    assert seen.asset_observation.metadata["dagster/row_count"].value == 1
    schema = raw.asset_materialization.metadata["dagster/column_schema"].value
    assert "deal_id" in {column.name for column in schema.columns}


def test_what_is_refused_is_named_and_the_rest_is_published(
    world: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = world.ledger_dir / "deals" / "amd.yml"
    text = (world.ledger_dir / "deals" / "oracle.yml").read_text(encoding="utf-8")
    bad.write_text(text.replace("oracle", "amd"), encoding="utf-8")

    assert refresh(world) == 0

    told = capsys.readouterr().out
    assert "1 quarantined" in told
    assert "deals/amd.yml:" in told
    with duckdb.connect(world.release_file, read_only=True) as connection:
        refused = connection.execute("select file, remedy from audit.quarantine").fetchall()
        texts = connection.execute(
            "select comment from duckdb_functions() where function_name = 'deals_as_of'"
        ).fetchall()
    assert len(refused) == 1 and refused[0][0] == "deals/amd.yml" and refused[0][1]
    assert texts == [("One row per deal of the day's world.",)]


def test_a_project_that_cannot_be_parsed_is_told_as_dbt_tells_it(
    world: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    model = world.dbt_project_dir / "models" / "core" / "dim_deal.sql"
    model.write_text("select * from {{ ref('nowhere') }}", encoding="utf-8")

    assert refresh(world) == 1

    assert "which was not found" in capsys.readouterr().err


def test_the_second_refresh_of_a_warehouse_is_told_who_holds_it(tmp_path: Path) -> None:
    with hold_lock(tmp_path, "make refresh"):
        held = r"in use by make refresh, process \d+ on"
        with pytest.raises(LockedError, match=held), hold_lock(tmp_path, "another"):
            raise AssertionError("two hold one lock")

        with hold_lock(tmp_path / "elsewhere", "another"):
            pass

    with hold_lock(tmp_path, "the next"):
        pass


def test_a_run_of_the_scheduler_waits_for_a_command_at_a_terminal(world: Settings) -> None:
    began = threading.Event()

    @dg.op(required_resource_keys={"workshop"})
    def write() -> None:
        began.set()

    @dg.job(resource_defs={"workshop": make_workshop(world)})
    def scheduled() -> None:
        write()

    with dg.DagsterInstance.ephemeral() as instance:
        run = threading.Thread(target=scheduled.execute_in_process, kwargs={"instance": instance})
        with hold_lock(world.warehouse_dir, "make refresh"):
            run.start()
            while not instance.get_runs():
                time.sleep(0.01)
            assert not began.wait(0.5)
        run.join(30)

        assert began.is_set()
        (done,) = instance.get_runs()
        told = [entry.user_message for entry in instance.all_logs(done.run_id)]
    assert done.is_success
    assert any("waiting: " in text and "in use by make refresh" in text for text in told)


@pytest.mark.parametrize(
    ("name", "value"), [("GIGALEDGER_TODAY", "yesterday"), ("GIGALEDGER_LEDGER", "no/such/folder")]
)
@pytest.mark.parametrize("module", ["refresh", "failures", "ui"])
def test_a_bad_setting_ends_a_command_before_it_begins(module: str, name: str, value: str) -> None:
    command = [sys.executable, "-m", f"orchestration.{module}"]
    ended = subprocess.run(
        command, cwd=ROOT, env={name: value}, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: {name}: ")

"""Dagster's runs in a Postgres server: a real one, with a password, for two refreshes at once."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest

from tests.orchestration.product import Product

_PASSWORD = "f3a9-only-in-the-environment"
_OWNER = "gigaledger"


@dataclass(frozen=True)
class Server:
    """A server on a socket in a folder of its own."""

    process: subprocess.Popen[bytes]
    folder: Path

    def address(self, user: str = _OWNER, database: str = "dagster") -> str:
        """Return the address of a database, without any password."""
        return f"postgresql://{user}@/{database}?host={self.folder}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with the database that docs/operate.md makes, run by a user who is not root."""
    installed = map(str, Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    found = shutil.which("postgres") or max(installed, default=None)
    if found is None:
        pytest.skip("no Postgres server is on this machine: apt-get install postgresql")
    # pytest's own folder is closed to other users.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        as_user = {"cwd": folder, "stdout": subprocess.DEVNULL, **_step_down(folder)}
        (folder / "password").write_text(_PASSWORD, encoding="utf-8")
        command = [Path(found).resolve().with_name("initdb"), "--no-sync", "--username=admin"]
        command += ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--pgdata=data"]
        subprocess.run(command, check=True, **as_user)
        command = [found, "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-F"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **as_user)
        server = Server(process, folder)
        try:
            _make_database(server)
            yield server
        finally:
            # Fast: it does not wait for whoever is connected.
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _step_down(folder: Path) -> dict[str, Any]:
    """Return the options of a process that Postgres accepts to run as; it refuses root."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _make_database(server: Server) -> None:
    connection = None
    while connection is None:
        try:
            connection = psycopg2.connect(server.address("admin", "postgres"), password=_PASSWORD)
        except psycopg2.OperationalError:
            if server.process.poll() is not None:
                raise
            time.sleep(0.1)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"create role {_OWNER} login password %s", [_PASSWORD])
        cursor.execute(f"create database dagster owner {_OWNER}")
    connection.close()


def test_two_refreshes_at_once_keep_their_runs_in_postgres(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", _PASSWORD)
    good, bad = (Product.copy(tmp_path / name) for name in ("good", "bad"))
    bad.change_ledger(oracle=4.5, amd=6)

    started = [each.start("refresh", GIGALEDGER_POSTGRES=server.address()) for each in (good, bad)]
    told = [process.communicate(timeout=300)[0] for process in started]

    assert [process.returncode for process in started] == [0, 1], told
    with dg.DagsterInstance.from_config(str(good.dagster_home)) as instance:
        runs = {run.status: instance.all_logs(run.run_id) for run in instance.get_runs()}
    succeeded, failed = (
        runs.pop(status) for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
    )
    assert not runs
    # Side by side: each began before the other had ended.
    assert succeeded[0].timestamp < failed[-1].timestamp
    assert failed[0].timestamp < succeeded[-1].timestamp
    steps = {"raw_ledger", "raw_feeds", "dbt_models"}
    assert _list_steps(succeeded) == {*steps, "audit", "release"}
    assert _list_steps(failed) == steps
    assert _find_check(succeeded).passed
    check = _find_check(failed)
    assert not check.passed and check.blocking
    [record] = check.metadata["what failed"].records
    assert '"deal_id": "amd"' in str(record.data["some of them"])

    for product in (good, bad):
        assert not (product.dagster_home / "history").exists()
        files = [path for path in product.folder.rglob("*") if path.is_file()]
        assert not [path for path in files if _PASSWORD.encode() in path.read_bytes()]


def _list_steps(entries: Sequence[dg.EventLogEntry]) -> set[str | None]:
    """Return the steps that succeeded."""
    kind = dg.DagsterEventType.STEP_SUCCESS
    return {entry.step_key for entry in entries if entry.dagster_event_type is kind}


def _find_check(entries: Sequence[dg.EventLogEntry]) -> dg.AssetCheckEvaluation:
    """Return what became of the expectations of the one table that has some."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    [found] = [
        entry.dagster_event.asset_check_evaluation_data
        for entry in entries
        if entry.dagster_event
        and entry.dagster_event_type is kind
        and entry.dagster_event.asset_check_evaluation_data.check_name == "expectations"
    ]
    return found


@pytest.mark.parametrize("command", ["refresh", "ui"])
def test_a_database_that_cannot_be_used_is_told_before_anything_begins(
    server: Server, tmp_path: Path, command: str
) -> None:
    product = Product.copy(tmp_path / "product")

    address = server.address()
    refused = product.start(command, GIGALEDGER_POSTGRES=address, PGPASSWORD="another")

    assert "password authentication failed" in refused.communicate(timeout=60)[0]
    assert refused.returncode == 2
    unheard = product.start(command, GIGALEDGER_POSTGRES="postgresql://me@127.0.0.1:1/dagster")
    told = unheard.communicate(timeout=60)[0]
    assert told.startswith("error: GIGALEDGER_POSTGRES: ") and "Connection refused" in told
    assert "see that the server runs" in told
    assert unheard.returncode == 2
    assert not product.dagster_home.exists() and not (product.folder / "warehouse").exists()

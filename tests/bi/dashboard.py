"""`make bi-test`: the dashboard in a real Superset, by its REST API and in a browser.

Superset's environment is large, so this is no part of `make test`. It runs on a copy of the
published release.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from orchestration.settings import ROOT, WAREHOUSE, read_settings
from tests.browser import find_chromium, open_browser

PYTHON = ROOT / ".bi" / "venv" / "bin" / "python"
PATIENCE = 300
_NET = "customer_id = 'all' and layer = 'net'"


@dataclass(frozen=True)
class Superset:
    """A running server and what it reads."""

    address: str
    release: Path
    password: str
    session: requests.Session

    def ask(self, path: str, body: Any = None) -> Any:
        """Return the answer of the REST API; a refusal is an answer too."""
        address = f"{self.address}/api/v1/{path}"
        answer = (
            self.session.get(address) if body is None else self.session.post(address, json=body)
        )
        return answer.json()

    def read_figure(self, dataset: int, metric: str) -> float:
        """Return a metric of all customers, net, as a chart asks for it."""
        query = {"metrics": [metric], "columns": [], "extras": {"where": _NET}}
        source = {"id": dataset, "type": "table"}
        answer = self.ask("chart/data", {"datasource": source, "queries": [query]})
        return float(answer["result"][0]["data"][0][metric])


@pytest.fixture(scope="module")
def superset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Superset]:
    """Superset, set up from nothing over a copy of the release."""
    published = read_settings().release_file
    assert published.is_file(), "run `make refresh` first"
    folder = tmp_path_factory.mktemp("superset")
    release = folder / "gigaledger.duckdb"
    shutil.copyfile(published, release)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    home = folder / "home"
    command = [str(PYTHON), "-m", "bi.serve", "--port", port, "--home", str(home)]
    environment = {**os.environ, WAREHOUSE: str(folder)}
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(server, f"{address}/health", folder / "server.log")
        assert (home / "secrets.json").stat().st_mode & 0o077 == 0
        password = json.loads((home / "secrets.json").read_text("utf-8"))["password"]
        yield Superset(address, release, password, _log_in(address, password))
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            if requests.get(address, timeout=PATIENCE).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.5)
    pytest.fail(f"Superset did not start:\n{log.read_text('utf-8')}")


def _log_in(address: str, password: str) -> requests.Session:
    session = requests.Session()
    who = {"username": "admin", "password": password, "provider": "db", "refresh": False}
    answer = session.post(f"{address}/api/v1/security/login", json=who).json()
    session.headers["Authorization"] = f"Bearer {answer['access_token']}"
    token = session.get(f"{address}/api/v1/security/csrf_token/").json()["result"]
    session.headers.update({"X-CSRFToken": token, "Referer": address})
    return session


def _find_dataset(superset: Superset, table: str) -> dict[str, Any]:
    query = f"(filters:!((col:table_name,opr:eq,value:{table})))"
    (found,) = superset.ask(f"dataset/?q={query}")["result"]
    return dict(superset.ask(f"dataset/{found['id']}")["result"])


def _read(release: Path, sql: str) -> Any:
    with duckdb.connect(str(release), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_datasets_carry_names_units_and_descriptions(superset: Superset) -> None:
    tables = _read(superset.release, "select count(*) from duckdb_tables()")[0][0]
    assert superset.ask("dataset/")["count"] == tables
    dataset = _find_dataset(superset, "capacity_by_customer")
    columns = {column["column_name"]: column for column in dataset["columns"]}
    said = _read(
        superset.release,
        "select column_name, comment from duckdb_columns() where table_name = 'capacity_by_customer'",
    )
    assert {name: column["description"] for name, column in columns.items()} == dict(said)
    assert columns["total_gw_low"]["verbose_name"] == "Total GW (low)"
    metrics = {metric["metric_name"]: metric for metric in dataset["metrics"]}
    assert metrics["max_total_gw_base"]["d3format"] == ",.2f"


def test_every_query_sees_the_release_that_readers_have_now(superset: Superset) -> None:
    dataset = _find_dataset(superset, "capacity_by_customer")["id"]
    figure = f"select total_gw_base from marts.capacity_by_customer where {_NET}"
    before = float(_read(superset.release, figure)[0][0])
    assert superset.read_figure(dataset, "max_total_gw_base") == before

    _publish(superset.release, "update marts.capacity_by_customer set total_gw_base = 4321")

    assert superset.read_figure(dataset, "max_total_gw_base") == 4321


def _publish(release: Path, change: str) -> None:
    """Put a changed copy in place of the file, by one rename, as a release is published."""
    beside = release.with_suffix(".new")
    shutil.copyfile(release, beside)
    with duckdb.connect(str(beside)) as connection:
        connection.execute(change)
    os.replace(beside, release)


@pytest.mark.parametrize(
    "statement",
    [
        "delete from marts.capacity_by_customer",
        "create table marts.mine as select 1",
        "select * from read_csv('/etc/hostname')",
        "copy marts.capacity_by_customer to 'copy.csv'",
        "attach 'other.duckdb'",
        "install httpfs",
        "set enable_external_access = true",
    ],
)
def test_sql_lab_reads_the_release_and_nothing_else(superset: Superset, statement: str) -> None:
    (database,) = superset.ask("database/")["result"]
    run = {"database_id": database["id"], "runAsync": False, "expand_data": True}

    answer = superset.ask(
        "sqllab/execute/", {**run, "sql": "select count(*) as n from marts.phase_slips"}
    )
    assert answer["data"] == [{"n": len(_read(superset.release, "from marts.phase_slips"))}]
    refused = superset.ask("sqllab/execute/", {**run, "sql": statement})

    assert "data" not in refused and refused["errors"], refused
    assert list(superset.release.parent.glob("*.csv")) == []


def test_the_dashboard_is_drawn_and_follows_a_release_while_it_is_open(superset: Superset) -> None:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    charts = superset.ask("dashboard/gigaledger/charts")["result"]
    assert len(charts) == 12
    with open_browser(chromium) as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 2600})
        page.set_default_timeout(PATIENCE * 1000)
        elsewhere: list[str] = []
        page.on(
            "requestfinished",
            lambda request: (
                None
                if request.url.startswith((superset.address, "data:", "blob:"))
                else elsewhere.append(request.url)
            ),
        )
        page.goto(f"{superset.address}/login/")
        page.locator("#username").fill("admin")
        page.locator("#password").fill(superset.password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "login" not in url)
        page.goto(f"{superset.address}/superset/dashboard/gigaledger/")
        for chart in charts:
            page.get_by_text(chart["slice_name"], exact=True).first.wait_for()
        page.locator(".dashboard canvas").nth(3).wait_for()
        page.get_by_text("GW that run, as documents say").wait_for()
        assert page.get_by_text("7,654.00").count() == 0

        _publish(superset.release, "update marts.capacity_by_customer set total_gw_base = 7654")
        page.get_by_label("Menu actions trigger").first.click()
        page.get_by_text("Refresh dashboard").click()

        page.get_by_text("7,654.00").first.wait_for()
        assert page.locator(".dashboard [role=alert], .dashboard .ant-alert-error").count() == 0
        assert elsewhere == []

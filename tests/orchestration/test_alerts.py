"""A failure is told of once for each cause, to a real server, and to nobody unless set."""

from __future__ import annotations

import dataclasses
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_string
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import pytest

from orchestration.alerts import AlertError, make_alert_sensor
from orchestration.audit.results import AuditError
from orchestration.checks import show_failed_rows
from orchestration.settings import Alerts, Settings
from tests.orchestration.conftest import open_world
from tests.release.conftest import make_result

_Act = Callable[[], None]


@contextmanager
def _serve(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Hook:
    """A chat program that takes what is posted, and how it answers."""

    def __init__(self) -> None:
        self.taken: list[dict[str, str]] = []
        self.status = 200
        self.address = ""


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if hook.status == 200:
                hook.taken.append(json.loads(body))
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    hook.address = f"http://127.0.0.1:{server.server_port}/services/secret"
    with _serve(server):
        yield hook


class _Mailbox(socketserver.TCPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MailHandler)
        self.taken: list[str] = []


class _MailHandler(socketserver.StreamRequestHandler):
    """As much of SMTP as taking a mail needs."""

    server: _Mailbox

    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            match line.split()[0].upper():
                case "EHLO":
                    self._say("250 mailbox")
                case "DATA":
                    self._say("354 go on")
                    text = ""
                    while (part := self.rfile.readline().decode()) != ".\r\n":
                        text += part
                    self.server.taken.append(text)
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 well")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mailbox() -> Iterator[_Mailbox]:
    server = _Mailbox()
    with _serve(server):
        yield server


class Desk:
    """A job that does as it is told, in a real instance, and the sensor that looks at its runs."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings, self.instance = settings, instance

    def run(self, act: _Act) -> None:
        """Run the job; look at it when it failed, as the daemon does."""
        outcome = self.begin(act)
        if not outcome.success:
            self.look(outcome.dagster_run, outcome.get_run_failure_event())

    def begin(self, act: _Act) -> dg.ExecuteInProcessResult:
        """Run the job and return what became of it."""

        @dg.op(name="publish")
        def publish() -> None:
            act()

        @dg.job(name="refresh")
        def refresh() -> None:
            publish()

        return refresh.execute_in_process(instance=self.instance, raise_on_error=False)

    def look(self, run: dg.DagsterRun, failure: dg.DagsterEvent) -> None:
        """Have the sensor look at a run that failed."""
        context = dg.build_run_status_sensor_context(
            sensor_name="alerts",
            dagster_instance=self.instance,
            dagster_run=run,
            dagster_event=failure,
        ).for_run_failure()
        make_alert_sensor(self.settings)(context)


def _succeed() -> None:
    return


def _break(message: str) -> _Act:
    def act() -> None:
        raise dg.Failure(message)

    return act


def _fail_check(table: str, rows: int) -> _Act:
    """Fail as an audit does, with the rows that it found."""

    def act() -> None:
        found = dataclasses.replace(
            make_result(is_passed=False),
            table_name=table,
            failing_sample=json.dumps([{"deal_id": f"deal-{rows}"}] * rows),
        )
        with show_failed_rows():
            raise AuditError(f"{rows} rows of {table} break a check", [found])

    return act


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    return open_world(tmp_path)


@pytest.fixture
def desk(settings: Settings, instance: dg.DagsterInstance, hook: Hook) -> Desk:
    return Desk(dataclasses.replace(settings, alerts=Alerts(webhook=hook.address)), instance)


def test_one_cause_is_told_once_until_the_job_has_succeeded(desk: Desk, hook: Hook) -> None:
    desk.run(_break("www.ecb.europa.eu: it answers 503"))
    desk.run(_break("www.ecb.europa.eu: it answers 503"))
    assert len(hook.taken) == 1
    assert hook.taken[0]["title"] == "refresh failed at publish"
    assert "it answers 503" in hook.taken[0]["text"]

    desk.run(_break("the disk is full"))
    desk.run(_break("www.ecb.europa.eu: it answers 503"))
    assert ["the disk is full" in item["text"] for item in hook.taken] == [False, True]

    desk.run(_succeed)
    desk.run(_break("www.ecb.europa.eu: it answers 503"))
    assert [item["cause"] for item in hook.taken[2:]] == [hook.taken[0]["cause"]]


def test_a_check_is_one_cause_whatever_rows_it_finds(desk: Desk, hook: Hook) -> None:
    for rows in (1, 3):
        desk.run(_fail_check("core.dim_deal", rows))
    desk.run(_fail_check("core.dim_source", 1))

    told = [item["text"].splitlines()[1] for item in hook.taken]
    assert told == [
        "1 rows of core.dim_deal break a check",
        "1 rows of core.dim_source break a check",
    ]


def test_a_run_that_was_ended_says_by_what(desk: Desk, hook: Hook) -> None:
    def interrupt() -> None:
        raise dg.DagsterExecutionInterruptedError()

    outcome = desk.begin(interrupt)
    # As the daemon that watches runs reports it.
    told = outcome.get_run_failure_event()._replace(
        message="Exceeded maximum runtime of 9 seconds."
    )
    desk.look(outcome.dagster_run, told)

    assert "Exceeded maximum runtime" in hook.taken[0]["text"]


def test_what_could_not_be_sent_is_sent_next_time_and_its_address_is_told_nobody(
    desk: Desk, hook: Hook
) -> None:
    hook.status = 500
    with pytest.raises(AlertError, match="^GIGALEDGER_ALERT_WEBHOOK answers 500$"):
        desk.run(_break("the disk is full"))

    hook.status = 200
    desk.run(_break("the disk is full"))
    assert len(hook.taken) == 1


def test_mail_says_the_same(
    settings: Settings, instance: dg.DagsterInstance, mailbox: _Mailbox
) -> None:
    server = f"smtp://127.0.0.1:{mailbox.server_address[1]}"
    alerts = Alerts(email="ops@example.org", smtp=server)
    desk = Desk(dataclasses.replace(settings, alerts=alerts), instance)

    desk.run(_break("the disk is full\x1b[2J"))

    (mail,) = map(message_from_string, mailbox.taken)
    assert (mail["To"], mail["Subject"]) == (
        "ops@example.org",
        "Gigaledger: refresh failed at publish",
    )
    text = mail.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert text.startswith("the disk is full\\x1b[2J")
    assert "docs/schedules.md" in text


def test_nothing_is_sent_unless_set(
    settings: Settings, instance: dg.DagsterInstance, hook: Hook
) -> None:
    Desk(settings, instance).run(_break("the disk is full"))

    assert hook.taken == []
    assert make_alert_sensor(settings).default_status is dg.DefaultSensorStatus.STOPPED
    heard = dataclasses.replace(settings, alerts=Alerts(webhook=hook.address))
    assert make_alert_sensor(heard).default_status is dg.DefaultSensorStatus.RUNNING

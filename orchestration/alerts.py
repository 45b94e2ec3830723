"""Tells whoever the settings name that a run failed: once for each cause, until it is mended.

What was told of stands as a tag on the run that it was told of first, in Dagster's own storage. A
cause is mended when a later run of the same job succeeds.
"""

import re
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import requests
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._utils.error import SerializableErrorInfo

from orchestration.hashes import combine_hashes
from orchestration.settings import (
    ALERT_EMAIL,
    ALERT_WEBHOOK,
    LOOPBACK,
    SMTP,
    Alerts,
    Settings,
)
from sources.ledger.control import escape_control

TOLD_TAG = "gigaledger/told"

_PATIENCE_S = 20
_MOST_CHARACTERS = 3_000


class AlertError(Exception):
    """An alert could not be sent; the message holds neither address nor password."""


@dataclass(frozen=True)
class Cause:
    """Why a run failed."""

    key: str
    """The same for each run that fails for the same reason."""
    title: str
    text: str


def make_alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that sends alerts; it is on where the settings name whom to tell."""
    alerts = settings.alerts
    status = dg.DefaultSensorStatus.RUNNING if alerts.is_set else dg.DefaultSensorStatus.STOPPED

    @dg.run_failure_sensor(
        name="alerts",
        default_status=status,
        minimum_interval_seconds=30,
        description="Tells the webhook or the address of the settings why a run failed.",
    )
    def tell_failure(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        if not alerts.is_set:
            return dg.SkipReason(f"neither {ALERT_WEBHOOK} nor {ALERT_EMAIL} is set")
        cause = find_cause(context)
        if is_told(context.instance, context.dagster_run.job_name, cause):
            return dg.SkipReason(f"told of already: {cause.title}")
        errors = send(alerts, cause, context.dagster_run.run_id)
        if len(errors) < alerts.count:
            context.instance.add_run_tags(context.dagster_run.run_id, {TOLD_TAG: cause.key})
        if errors:
            raise AlertError("; ".join(errors))
        return None

    return tell_failure


def find_cause(context: dg.RunFailureSensorContext) -> Cause:
    """Return why a run failed: what its steps said, else what ended it from outside."""
    failed_steps = context.get_step_failure_events()
    told = [
        _read_step(context, event)
        for event in failed_steps
        # Why it was interrupted the run knows, not the step.
        if not _is_interrupted(event)
    ] or [_read_run(context.failure_event)]
    steps = ", ".join(sorted(event.step_key or "" for event in failed_steps))
    # Numbers and hashes differ from day to day for the same cause; so does which company it is.
    lines = {
        re.sub(r"[0-9a-f]*\d[0-9a-f]*", "#", line.strip())
        for names, _ in told
        for line in names.splitlines()
    }
    text = escape_control("\n".join(text for _, text in told))
    return Cause(
        key=combine_hashes([context.dagster_run.job_name, steps, *sorted(lines)])[:16],
        title=f"{context.dagster_run.job_name} failed{f' at {steps}' if steps else ''}",
        text=text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…",
    )


def _read_step(context: dg.RunFailureSensorContext, event: dg.DagsterEvent) -> tuple[str, str]:
    """Return what names the cause of a step's failure, and what a person reads of it."""
    if said := event.step_failure_data.user_failure_data:
        description = said.description or ""
        return _name_checks(said.metadata) or description, description
    root = _find_root(event.step_failure_data.error)
    message = root.message.strip() if root else str(event.message)
    if root is None or root.cls_name != DagsterAssetCheckFailedError.__name__:
        return message, message
    blocking = [
        found
        for found in _list_evaluations(context)
        if not found.passed and found.severity is dg.AssetCheckSeverity.ERROR
    ]
    names = "\n".join(_name_checks(found.metadata) for found in blocking)
    return names, "\n".join([message, *(found.description or "" for found in blocking)])


def _name_checks(metadata: Mapping[str, dg.MetadataValue[Any]]) -> str:
    """Return the checks that failed: each is one cause whatever rows it finds."""
    failed = metadata.get("what failed")
    if not isinstance(failed, dg.TableMetadataValue):
        return ""
    return "\n".join(f"{row.data['table']}: {row.data['check']}" for row in failed.records)


def _list_evaluations(context: dg.RunFailureSensorContext) -> Iterator[dg.AssetCheckEvaluation]:
    records = context.instance.get_records_for_run(
        context.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ).records
    for record in records:
        if event := record.event_log_entry.dagster_event:
            yield event.asset_check_evaluation_data


def _is_interrupted(event: dg.DagsterEvent) -> bool:
    root = _find_root(event.step_failure_data.error)
    return root is not None and root.cls_name == dg.DagsterExecutionInterruptedError.__name__


def _read_run(event: dg.DagsterEvent) -> tuple[str, str]:
    root = _find_root(getattr(event.event_specific_data, "error", None))
    message = f"{event.message}\n{root.message.strip() if root else ''}".strip()
    return message, message


def _find_root(error: SerializableErrorInfo | None) -> SerializableErrorInfo | None:
    while error and error.cause:
        error = error.cause
    return error


def is_told(instance: dg.DagsterInstance, job_name: str, cause: Cause) -> bool:
    """Tell whether a cause was told of and no run of its job has succeeded since."""
    of_cause = dg.RunsFilter(job_name=job_name, tags={TOLD_TAG: cause.key})
    told = instance.get_run_records(of_cause, limit=1)
    if not told:
        return False
    mended = dg.RunsFilter(
        job_name=job_name,
        statuses=[dg.DagsterRunStatus.SUCCESS],
        created_after=told[0].create_timestamp,
    )
    return not instance.get_run_records(mended, limit=1)


def send(alerts: Alerts, cause: Cause, run_id: str) -> list[str]:
    """Send an alert every way that is set; return what went wrong."""
    ways: list[Callable[[Alerts, Cause, str], None]] = []
    if alerts.webhook:
        ways.append(_post)
    if alerts.email:
        ways.append(_mail)
    errors = []
    for way in ways:
        try:
            way(alerts, cause, run_id)
        except AlertError as error:
            errors.append(str(error))
    return errors


def _write(cause: Cause, run_id: str) -> str:
    return (
        f"{cause.text}\n\nReaders keep the last release. Run {run_id} in the Dagster UI shows more;"
        " docs/schedules.md says what to do.\nThis is not told again until the job has succeeded."
    )


def _post(alerts: Alerts, cause: Cause, run_id: str) -> None:
    """Post JSON whose `text` chat programs show as it is."""
    content = {
        "text": f"Gigaledger: {cause.title}\n{_write(cause, run_id)}",
        "title": cause.title,
        "cause": cause.key,
        "run_id": run_id,
    }
    try:
        answer = requests.post(
            str(alerts.webhook),
            json=content,
            timeout=_PATIENCE_S,
            allow_redirects=False,
            # Without one, requests takes passwords from ~/.netrc.
            auth=lambda request: request,
        )
    except requests.RequestException as error:
        raise AlertError(f"{ALERT_WEBHOOK} cannot be reached ({type(error).__name__})") from None
    if not 200 <= answer.status_code < 300:
        raise AlertError(f"{ALERT_WEBHOOK} answers {answer.status_code}")


def _mail(alerts: Alerts, cause: Cause, run_id: str) -> None:
    message = EmailMessage()
    message["Subject"] = f"Gigaledger: {cause.title}"
    message["From"] = message["To"] = alerts.email
    message.set_content(_write(cause, run_id))
    server = urlsplit(str(alerts.smtp))
    host, is_tls = str(server.hostname), server.scheme == "smtps"
    try:
        with _connect(host, server.port, is_tls) as connection:
            if not is_tls and connection.has_extn("starttls"):
                connection.starttls(context=ssl.create_default_context())
                is_tls = True
            if server.username:
                if not is_tls and host not in LOOPBACK:
                    raise AlertError(f"{SMTP}: the server offers no TLS, so no password is sent")
                connection.login(server.username, alerts.smtp_password or "")
            connection.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise AlertError(f"{SMTP}: the mail was not taken ({type(error).__name__})") from None


def _connect(host: str, port: int | None, is_tls: bool) -> smtplib.SMTP:
    if is_tls:
        context = ssl.create_default_context()
        found: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port or 465, timeout=_PATIENCE_S, context=context
        )
    else:
        found = smtplib.SMTP(host, port or 587, timeout=_PATIENCE_S)
    found.ehlo_or_helo_if_needed()
    return found

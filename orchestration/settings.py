"""Reads the environment, once, into one frozen object; nothing else in the project reads it."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[1]

_PREFIX = "GIGALEDGER_"
LEDGER = f"{_PREFIX}LEDGER"
WAREHOUSE = f"{_PREFIX}WAREHOUSE"
TODAY = f"{_PREFIX}TODAY"
THREADS = f"{_PREFIX}THREADS"
KEEP_RELEASES = f"{_PREFIX}KEEP_RELEASES"
FEEDS = f"{_PREFIX}FEEDS"
CONTACT = f"{_PREFIX}CONTACT"
OPENROUTER_KEY = f"{_PREFIX}OPENROUTER_KEY"
ALERT_WEBHOOK = f"{_PREFIX}ALERT_WEBHOOK"
ALERT_EMAIL = f"{_PREFIX}ALERT_EMAIL"
SMTP = f"{_PREFIX}SMTP"
SMTP_PASSWORD = f"{_PREFIX}SMTP_PASSWORD"
POSTGRES = f"{_PREFIX}POSTGRES"
# Not a setting: what dbt's profile reads, handed to the dbt process by `dbt_environment`.
WORK_DB = f"{_PREFIX}WORK_DB"

LOOPBACK = ("127.0.0.1", "localhost", "::1")

_MAX_THREADS = 256
# The release that readers have, and one to go back to.
_MIN_RELEASES = 2

_DAGSTER_YAML = (ROOT / "orchestration" / "dagster.yaml").read_text(encoding="utf-8")

# Read by Dagster, dbt and Great Expectations; none of them may report home.
SILENCE = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
}


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message says which would do."""


@dataclass(frozen=True)
class Alerts:
    """Who is told when a run fails; nobody by default."""

    webhook: str | None = field(default=None, repr=False)
    """An address that takes JSON; whoever knows it may post there."""
    email: str | None = None
    """Who gets mail, from the same address."""
    smtp: str | None = None
    """The server that takes the mail."""
    smtp_password: str | None = field(default=None, repr=False)
    """The password of the user whom `smtp` names."""

    @property
    def count(self) -> int:
        """In how many ways somebody is told."""
        return sum(way is not None for way in (self.webhook, self.email))

    @property
    def is_set(self) -> bool:
        """Whether anybody is told."""
        return self.count > 0


@dataclass(frozen=True)
class Settings:
    """What a refresh, a query or the Dagster UI needs to know about its surroundings."""

    ledger_dir: Path
    """The folder that holds the ledger."""
    warehouse_dir: Path
    """The folder that releases are published to."""
    today: date
    """The day on which the current tables stand."""
    latest_day: date
    """A fact that is said to be known after this day is refused as a mistake."""
    threads: int
    """How many threads DuckDB may use."""
    keep_releases: int | None = 30
    """How many of the latest releases are kept, besides the last of each month; None keeps all."""
    is_live: bool = False
    """Whether a refresh asks the publishers of the feeds for what is new."""
    contact: str | None = None
    """How a publisher reaches whoever runs this; some answer nobody without it."""
    openrouter_key: str | None = field(default=None, repr=False)
    """A key of OpenRouter."""
    alerts: Alerts = Alerts()
    """Who is told when a run fails."""
    postgres: str | None = None
    """The address of the Postgres database that holds Dagster's runs; None keeps them in files."""
    dagster_home: Path = ROOT / ".dagster"
    """Where Dagster keeps its runs."""
    dbt_project_dir: Path = ROOT / "dbt_project"
    """The dbt project."""

    @property
    def work_dir(self) -> Path:
        """The private folder of a refresh."""
        return self.warehouse_dir / "work"

    @property
    def work_database(self) -> Path:
        """The private database in which a refresh builds."""
        return self.work_dir / "gigaledger.duckdb"

    @property
    def snapshots_dir(self) -> Path:
        """What the feeds received, byte for byte."""
        return self.warehouse_dir / "snapshots"

    @property
    def dbt_target_dir(self) -> Path:
        """What dbt writes; beside the work database, so that two warehouses never mix."""
        return self.work_dir / "dbt"

    @property
    def release_file(self) -> Path:
        """The published warehouse."""
        return self.warehouse_dir / "gigaledger.duckdb"

    @property
    def docs_page(self) -> Path:
        """dbt's pages of the project, in one file."""
        return self.warehouse_dir / "docs" / "index.html"

    def dbt_environment(self) -> dict[str, str]:
        """Return the environment of a dbt process."""
        return {
            **os.environ,
            **SILENCE,
            WORK_DB: str(self.work_database),
            THREADS: str(self.threads),
            "DBT_PROJECT_DIR": str(self.dbt_project_dir),
            "DBT_PROFILES_DIR": str(self.dbt_project_dir),
            "DBT_TARGET_PATH": str(self.dbt_target_dir),
            "DBT_LOG_PATH": str(self.work_dir / "logs"),
            "PYTHONUNBUFFERED": "1",
        }


def read_settings(
    environment: Mapping[str, str] | None = None, *, now: datetime | None = None
) -> Settings:
    """Read the settings, by default from the process's environment.

    Raises:
        SettingsError: when a value cannot be used or a setting is misspelt.
    """
    environment = os.environ if environment is None else environment
    clock_day = (now or datetime.now(UTC)).astimezone(UTC).date()
    _refuse_unknown(environment)
    today = _read_day(environment, TODAY, default=clock_day)
    return Settings(
        ledger_dir=_read_ledger_dir(environment),
        warehouse_dir=_read_warehouse_dir(environment),
        today=today,
        # A build for a past day keeps the later facts: its as-of macros may be asked about them.
        latest_day=max(today, clock_day),
        threads=_read_threads(environment),
        keep_releases=_read_keep_releases(environment),
        is_live=_read_is_live(environment),
        contact=_read_text(environment, CONTACT),
        openrouter_key=_read_text(environment, OPENROUTER_KEY),
        alerts=_read_alerts(environment),
        postgres=_read_postgres(environment),
    )


def silence_telemetry() -> None:
    """Keep every library of this process from reporting home; call before they are imported."""
    os.environ.update(SILENCE)


def prepare_dagster_home(settings: Settings) -> None:
    """Give Dagster its folder, configured anew from the settings, and point this process at it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    config = settings.dagster_home / "dagster.yaml"
    content = _DAGSTER_YAML
    if settings.postgres:
        # The driver that dagster-postgres brings; SQLAlchemy would take another by itself.
        address = settings.postgres.replace("postgresql:", "postgresql+psycopg2:", 1)
        content += f"storage:\n  postgres:\n    postgres_url: {json.dumps(address)}\n"
    if not config.exists() or config.read_text(encoding="utf-8") != content:
        # In one step: another process may be reading it.
        beside = config.with_name(f".dagster.yaml-{os.getpid()}")
        beside.write_text(content, encoding="utf-8")
        os.replace(beside, config)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = (
        LEDGER,
        WAREHOUSE,
        TODAY,
        THREADS,
        KEEP_RELEASES,
        FEEDS,
        CONTACT,
        OPENROUTER_KEY,
        ALERT_WEBHOOK,
        ALERT_EMAIL,
        SMTP,
        SMTP_PASSWORD,
        POSTGRES,
    )
    for name in sorted(environment):
        if name.startswith(_PREFIX) and name not in (*known, WORK_DB):
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise SettingsError(f"{name} is not a setting; {hint}")


def _read_text(environment: Mapping[str, str], name: str) -> str | None:
    """Return a setting; one that is set but empty counts as not set."""
    return environment.get(name, "").strip() or None


def _read_path(environment: Mapping[str, str], name: str, default: str) -> Path:
    return (ROOT / Path(_read_text(environment, name) or default).expanduser()).resolve()


def _read_ledger_dir(environment: Mapping[str, str]) -> Path:
    path = _read_path(environment, LEDGER, "sources/ledger")
    if not path.is_dir():
        raise SettingsError(
            f"{LEDGER}: {path} is not a folder; name the folder that holds deals/"
            " (a relative path starts at the project's root)"
        )
    return path


def _read_warehouse_dir(environment: Mapping[str, str]) -> Path:
    path = _read_path(environment, WAREHOUSE, "warehouse")
    if path.exists() and not path.is_dir():
        raise SettingsError(f"{WAREHOUSE}: {path} is a file; name a folder, it is made when absent")
    return path


def _read_day(environment: Mapping[str, str], name: str, *, default: date) -> date:
    text = _read_text(environment, name)
    if text is None:
        return default
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise SettingsError(
            f"{name}: {text!r} is not a day; write it as YYYY-MM-DD, for example {default}"
        ) from None


def _read_threads(environment: Mapping[str, str]) -> int:
    text = _read_text(environment, THREADS)
    if text is None:
        return 2
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_THREADS:
        raise SettingsError(
            f"{THREADS}: {text!r} is not a number of threads; write 1 to {_MAX_THREADS}"
        )
    return int(text)


def _read_keep_releases(environment: Mapping[str, str]) -> int | None:
    text = _read_text(environment, KEEP_RELEASES)
    if text is None:
        return Settings.keep_releases
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < _MIN_RELEASES:
        raise SettingsError(
            f"{KEEP_RELEASES}: {text!r} is not a number of releases; write {_MIN_RELEASES} or more,"
            " or all"
        )
    return int(text)


def _read_is_live(environment: Mapping[str, str]) -> bool:
    text = _read_text(environment, FEEDS) or "offline"
    if text not in ("offline", "live"):
        raise SettingsError(f"{FEEDS}: {text!r} is neither offline nor live")
    return text == "live"


def _read_alerts(environment: Mapping[str, str]) -> Alerts:
    webhook, email = _read_text(environment, ALERT_WEBHOOK), _read_text(environment, ALERT_EMAIL)
    if webhook is not None:
        address = _split(webhook)
        is_safe = address.scheme == "https" or address.hostname in LOOPBACK
        if not address.hostname or address.scheme not in ("http", "https") or not is_safe:
            # Not shown: whoever knows it may post there.
            raise SettingsError(f"{ALERT_WEBHOOK} is not an address that begins with https://")
    if email is not None and not re.fullmatch(r"[^\s@,<>]+@[^\s@,<>]+", email):
        raise SettingsError(f"{ALERT_EMAIL}: {email!r} is not an address; write name@host")
    smtp = _read_text(environment, SMTP)
    if smtp is not None:
        server = _split(smtp)
        if server.scheme not in ("smtp", "smtps") or not server.hostname:
            raise SettingsError(f"{SMTP} is not a server; write smtp://user@host:587 or smtps://…")
        if server.password is not None:
            raise SettingsError(f"{SMTP} holds a password; take it out and set {SMTP_PASSWORD}")
    if email is not None and smtp is None:
        raise SettingsError(f"{ALERT_EMAIL} is set and {SMTP} is not; name the server")
    return Alerts(webhook, email, smtp, _read_text(environment, SMTP_PASSWORD))


def _split(address: str) -> SplitResult:
    """Return the parts of an address; none of what is no address."""
    try:
        parts = urlsplit(address)
        # Read here, for a bad one is found only then.
        _ = parts.port
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def _read_postgres(environment: Mapping[str, str]) -> str | None:
    text = _read_text(environment, POSTGRES)
    if text is None:
        return None
    address = _split(text)
    if address.scheme != "postgresql" or not address.path.strip("/"):
        # Not shown: it may hold a password.
        raise SettingsError(
            f"{POSTGRES} is not the address of a database; write postgresql://user@host/database"
        )
    if address.password is not None or "password" in parse_qs(address.query):
        raise SettingsError(
            f"{POSTGRES} holds a password; take it out, and put it into PGPASSWORD or ~/.pgpass"
        )
    return text

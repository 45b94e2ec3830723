"""Settings come from the environment once, and a bad one says what would do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from orchestration.settings import ROOT, SettingsError, prepare_dagster_home, read_settings

_NOW = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)


def test_without_any_setting_the_project_serves_itself() -> None:
    settings = read_settings({}, now=_NOW)

    assert settings.ledger_dir == ROOT / "sources" / "ledger"
    assert settings.release_file == ROOT / "warehouse" / "gigaledger.duckdb"
    assert settings.today == date(2026, 11, 25)
    assert settings.threads == 2
    assert not settings.is_live


def test_a_key_is_in_no_text_of_the_settings() -> None:
    settings = read_settings(
        {
            "GIGALEDGER_OPENROUTER_KEY": "sk-or-secret",
            "GIGALEDGER_ALERT_WEBHOOK": "https://hooks.example.org/secret",
            "GIGALEDGER_SMTP_PASSWORD": "smtp-secret",
        }
    )

    assert settings.openrouter_key == "sk-or-secret"
    assert "secret" not in repr(settings)


def test_folders_may_lie_anywhere(tmp_path: Path) -> None:
    settings = read_settings(
        {"GIGALEDGER_LEDGER": str(tmp_path), "GIGALEDGER_WAREHOUSE": str(tmp_path / "new")}
    )

    assert settings.ledger_dir == tmp_path
    assert settings.work_database == tmp_path / "new" / "work" / "gigaledger.duckdb"


def test_a_build_for_a_past_day_keeps_later_facts() -> None:
    settings = read_settings({"GIGALEDGER_TODAY": "2025-10-07"}, now=_NOW)

    assert settings.today == date(2025, 10, 7)
    assert settings.latest_day == date(2026, 11, 25)


def test_today_is_the_utc_day_wherever_the_machine_stands() -> None:
    evening_in_honolulu = datetime.fromisoformat("2026-11-25T20:00:00-10:00")

    assert read_settings({}, now=evening_in_honolulu).today == date(2026, 11, 26)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GIGALEDGER_TODAY", "7 October 2025", "write it as YYYY-MM-DD"),
        ("GIGALEDGER_TODAY", "2025-02-30", "is not a day"),
        ("GIGALEDGER_THREADS", "0", "write 1 to 256"),
        ("GIGALEDGER_THREADS", "two", "is not a number of threads"),
        ("GIGALEDGER_KEEP_RELEASES", "1", "write 2 or more, or all"),
        ("GIGALEDGER_KEEP_RELEASES", "none", "is not a number of releases"),
        ("GIGALEDGER_LEDGER", "nowhere/at/all", "is not a folder"),
        ("GIGALEDGER_WAREHOUSE", "Makefile", "is a file"),
        ("GIGALEDGER_LEGDER", "ledger", "did you mean GIGALEDGER_LEDGER?"),
        ("GIGALEDGER_FEEDS", "yes", "is neither offline nor live"),
        ("GIGALEDGER_ALERT_WEBHOOK", "http://hooks.example.org/x", "begins with https://"),
        ("GIGALEDGER_ALERT_WEBHOOK", "hooks", "begins with https://"),
        ("GIGALEDGER_ALERT_EMAIL", "ops", "write name@host"),
        ("GIGALEDGER_ALERT_EMAIL", "ops@example.org", "GIGALEDGER_SMTP is not; name the server"),
        ("GIGALEDGER_SMTP", "mail.example.org", "write smtp://"),
        ("GIGALEDGER_SMTP", "smtp://ops:secret@mail.example.org", "set GIGALEDGER_SMTP_PASSWORD"),
        ("GIGALEDGER_POSTGRES", "mysql://a@b/c", "write postgresql://user@host/database"),
        ("GIGALEDGER_POSTGRES", "postgresql://[a@b/c", "write postgresql://user@host/database"),
        ("GIGALEDGER_POSTGRES", "postgresql://a@b", "write postgresql://user@host/database"),
        ("GIGALEDGER_POSTGRES", "postgresql://a:secret@b/c", "put it into PGPASSWORD"),
        ("GIGALEDGER_POSTGRES", "postgresql:///c?user=a&password=secret", "put it into PGPASSWORD"),
    ],
)
def test_a_bad_setting_is_refused_with_what_would_do(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=name) as refused:
        read_settings({name: value}, now=_NOW)

    assert message in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_setting_left_empty_is_not_set() -> None:
    assert read_settings({"GIGALEDGER_THREADS": " "}).threads == 2


def test_number_of_releases_kept_can_be_lifted() -> None:
    assert read_settings({}).keep_releases == 30
    assert read_settings({"GIGALEDGER_KEEP_RELEASES": "5"}).keep_releases == 5
    assert read_settings({"GIGALEDGER_KEEP_RELEASES": "all"}).keep_releases is None


def test_dagster_follows_the_settings_from_files_to_postgres_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "elsewhere")
    files = replace(read_settings({}), dagster_home=tmp_path)
    address = "postgresql://me@db.example/dagster?sslmode=require"
    server = replace(files, postgres=read_settings({"GIGALEDGER_POSTGRES": address}).postgres)

    kept = []
    for settings in (files, server, files):
        prepare_dagster_home(settings)
        kept.append(yaml.safe_load((tmp_path / "dagster.yaml").read_text(encoding="utf-8")))

    assert kept[0] == kept[2] and "storage" not in kept[0]
    assert kept[1] == kept[0] | {
        "storage": {
            "postgres": {"postgres_url": address.replace("postgresql", "postgresql+psycopg2")}
        }
    }
    assert [path.name for path in tmp_path.iterdir()] == ["dagster.yaml"]


def test_example_of_settings_names_all_of_them_and_no_other() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = {line.lstrip("# ").split("=")[0] for line in lines if "GIGALEDGER_" in line}

    assert named == {
        "GIGALEDGER_LEDGER",
        "GIGALEDGER_WAREHOUSE",
        "GIGALEDGER_TODAY",
        "GIGALEDGER_THREADS",
        "GIGALEDGER_KEEP_RELEASES",
        "GIGALEDGER_FEEDS",
        "GIGALEDGER_CONTACT",
        "GIGALEDGER_OPENROUTER_KEY",
        "GIGALEDGER_ALERT_WEBHOOK",
        "GIGALEDGER_ALERT_EMAIL",
        "GIGALEDGER_SMTP",
        "GIGALEDGER_SMTP_PASSWORD",
        "GIGALEDGER_POSTGRES",
    }

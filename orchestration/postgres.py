"""The Postgres database that can hold Dagster's runs, events and schedules: docs/operate.md."""

from __future__ import annotations

from orchestration.settings import POSTGRES, Settings, SettingsError

_PATIENCE_S = 10


def require_reachable(settings: Settings) -> None:
    """Fail early, and in words, when the settings name a database that cannot be reached.

    Raises:
        SettingsError: with what the server or the network said.
    """
    if settings.postgres is None:
        return
    # Imported by those alone who use it.
    import psycopg2

    try:
        psycopg2.connect(settings.postgres, connect_timeout=_PATIENCE_S).close()
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        raise SettingsError(
            f"{POSTGRES}: Dagster's database cannot be reached: {reason}; see that the server runs"
            " and the address and PGPASSWORD are right, or unset it to keep runs in files"
        ) from error

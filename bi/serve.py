"""`make bi`: Apache Superset on this machine, with a dashboard over the release that readers have."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

from bi.assets import build_assets
from orchestration.settings import ROOT, SettingsError, read_settings, silence_telemetry

_USER = "admin"
_SECRETS = "secrets.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Become the server; return only when it cannot be started."""
    parser = argparse.ArgumentParser(prog="bi", description=__doc__)
    parser.add_argument("--port", default="8088", help="default: 8088")
    parser.add_argument(
        "--home",
        type=Path,
        default=ROOT / ".bi" / "superset",
        help="where Superset keeps its state",
    )
    options = parser.parse_args(arguments)
    try:
        release = read_settings().release_file
        if not release.is_file():
            raise FileNotFoundError(f"no release at {release}: run `make refresh` first")
        assets = build_assets(release)
        password = _prepare_home(options.home.resolve())
        _prepare(options.home / "superset.log", assets, password)
    except (SettingsError, OSError, ValueError, duckdb.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        print(
            f"error: Superset did not start; see {options.home / 'superset.log'}", file=sys.stderr
        )
        return 1
    print(f"http://127.0.0.1:{options.port}/superset/dashboard/gigaledger/")
    print(f"user {_USER}, password in {options.home / _SECRETS}; Ctrl-C ends it", flush=True)
    # One process, so that few hold the file; loopback alone.
    serve = ["--workers", "1", "--threads", "8", "--timeout", "120", "--log-level", "warning"]
    address = ["--bind", f"127.0.0.1:{options.port}", "superset.app:create_app()"]
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *serve, *address])


def _prepare_home(home: Path) -> str:
    """Make the folder and its secrets, point Superset at them, and return the password."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / _SECRETS
    if not path.exists():
        made = {"secret_key": secrets.token_urlsafe(42), "password": secrets.token_urlsafe(12)}
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
    kept = json.loads(path.read_text("utf-8"))
    silence_telemetry()
    os.environ |= {
        "SUPERSET_HOME": str(home),
        "SUPERSET_SECRET_KEY": kept["secret_key"],
        "SUPERSET_CONFIG_PATH": str(ROOT / "bi" / "superset_config.py"),
        "SCARF_ANALYTICS": "false",
        "PYTHONPATH": str(ROOT),
    }
    return str(kept["password"])


def _prepare(log: Path, assets: dict[str, str], password: str) -> None:
    """Bring Superset's own database up to date and import the dashboard into it."""
    print("Superset is being prepared; the first time takes a minute", flush=True)
    content = json.dumps({"assets": assets, "user": _USER, "password": password})
    superset = str(Path(sys.executable).with_name("superset"))
    with log.open("w", encoding="utf-8") as file:
        for command in ([superset, "db", "upgrade"], [sys.executable, "-m", "bi.load"]):
            subprocess.run(
                command, input=content, text=True, check=True, cwd=ROOT, stdout=file, stderr=file
            )


if __name__ == "__main__":
    sys.exit(main())

"""`make ui`: the Dagster UI on this machine, with the daemon that ticks schedules."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestration.postgres import require_reachable
from orchestration.settings import (
    ROOT,
    SettingsError,
    prepare_dagster_home,
    read_settings,
    silence_telemetry,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Become `dagster dev`; return only when the settings cannot be used."""
    parser = argparse.ArgumentParser(prog="ui", description=__doc__)
    parser.add_argument("--port", default="3000", help="default: 3000")
    options = parser.parse_args(arguments)
    try:
        settings = read_settings()
        require_reachable(settings)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    silence_telemetry()
    prepare_dagster_home(settings)
    # Loopback alone: the UI asks nobody who they are.
    address = ("--host", "127.0.0.1", "--port", options.port)
    os.chdir(ROOT)
    dagster = str(Path(sys.executable).with_name("dagster"))
    sys.stdout.flush()
    # A background job of a script ignores interrupts, and Dagster then also what `kill` sends.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.execv(dagster, [dagster, "dev", "--workspace", "workspace.yaml", *address])


if __name__ == "__main__":
    sys.exit(main())

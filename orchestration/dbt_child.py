"""The process in which dbt runs: it parses at once and builds when it is told to.

dbt inside a long-lived process keeps its DuckDB file locked (dbt-core issue 11980), and importing
and parsing take seconds that can pass while something else works: hence a process of its own that
is started early. It reads one line of JSON, the arguments of dbt, and ends with dbt's verdict.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from orchestration.imports import collect_rarely

PARSED = "gigaledger: parsed"


def main() -> int:
    """Parse, wait for the arguments, run dbt; 0 when all went well."""
    collect_rarely()
    from dbt.cli.main import dbtRunner

    parsed = dbtRunner().invoke(["--quiet", "parse"])
    if not parsed.success:
        return _tell(parsed.exception)
    print(PARSED, flush=True)
    line = sys.stdin.readline()
    if not line:
        return 0
    threading.Thread(target=_end_with_parent, daemon=True).start()
    result = dbtRunner(manifest=parsed.result).invoke(json.loads(line))
    return 0 if result.success else _tell(result.exception)


def _end_with_parent() -> None:
    """End when the parent does: a build that nobody waits for would write among the next one's."""
    # Nothing more is sent, so this returns when the other end is closed.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _tell(error: BaseException | None) -> int:
    if error is not None:
        print(f"{type(error).__name__}: {error}", flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())

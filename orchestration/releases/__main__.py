"""`make releases`, `make diff`, `make verify` and `make rollback`."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Sequence

import duckdb

from orchestration.lock import LockedError, hold_lock
from orchestration.release import ReleaseError
from orchestration.releases import catalog, tell
from orchestration.releases.compare import compare_releases
from orchestration.releases.rollback import roll_back
from orchestration.releases.verify import verify_release
from orchestration.settings import Settings, SettingsError, read_settings
from sources.ledger.control import escape_control


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked for; 0 when all is well, 1 when not, 2 when it could not begin.

    verify gives 3 when the release is whole and some of its inputs are lost.
    """
    options = _make_parser().parse_args(arguments)
    try:
        status: int = options.run(read_settings(), options)
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (SettingsError, LockedError, OSError, duckdb.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return status


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="releases", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="verb")

    listing = verbs.add_parser(
        "list", help="list the releases", description="List the releases that are kept."
    )
    listing.set_defaults(run=_list)

    diff = verbs.add_parser(
        "diff",
        help="compare two releases",
        description="Say which published figures moved between two releases, by how much, and"
        " because of which records, rules or days. A release may be named by the beginning of its"
        " id.",
    )
    diff.add_argument("--a", help="the earlier release; by default the one before B")
    diff.add_argument("--b", help="the later release; by default the one that readers have")
    diff.add_argument("--json", action="store_true", help="write JSON, as diff.json holds it")
    diff.add_argument(
        "--limit", type=int, default=5, help="figures shown of a table (default: %(default)s)"
    )
    diff.set_defaults(run=_diff)

    verify = verbs.add_parser(
        "verify",
        help="verify the hashes of a release",
        description="Hold every file, table and input of a release against the hashes that its"
        " manifest states, without the network. Exit status: 0 all as stated, 1 the release is"
        " damaged, 3 the release is whole, but some inputs are found nowhere as it read them.",
    )
    verify.add_argument("--release", help="its id; by default the one that readers have")
    verify.set_defaults(run=_verify)

    rollback = verbs.add_parser(
        "rollback",
        help="give readers an earlier release again",
        description="Verify a release and put it in place of what readers have, byte for byte and"
        " in one rename. Who, when and why is kept in releases/rollbacks.jsonl, and in"
        " audit.release from the next release on.",
    )
    rollback.add_argument("--release", required=True, help="its id; `make releases` lists them")
    rollback.add_argument("--by", help="who rolls back; by default the user of this machine")
    rollback.add_argument("--why", help="the reason, for those who read the numbers")
    rollback.set_defaults(run=_roll_back)
    return parser


def _list(settings: Settings, options: argparse.Namespace) -> int:
    releases = catalog.list_releases(settings.warehouse_dir)
    _print(tell.tell_releases(releases, catalog.list_rollbacks(settings.warehouse_dir)))
    return 0


def _diff(settings: Settings, options: argparse.Namespace) -> int:
    folder = settings.warehouse_dir
    later = _name(settings, options.b)
    if options.a:
        earlier = catalog.find_release(folder, options.a)
    else:
        earlier = catalog.find_before(folder, later)
    diff = compare_releases(folder, earlier, later, threads=settings.threads)
    if options.json:
        print(json.dumps(diff, indent=2, ensure_ascii=False))
    else:
        _print(tell.tell_diff(diff, most=max(options.limit, 0)))
    return 0


def _verify(settings: Settings, options: argparse.Namespace) -> int:
    verdict = verify_release(
        settings.warehouse_dir, _name(settings, options.release), ledger_dir=settings.ledger_dir
    )
    _print(tell.tell_verdict(verdict))
    if verdict.damage:
        return 1
    return 3 if verdict.lost else 0


def _roll_back(settings: Settings, options: argparse.Namespace) -> int:
    folder = settings.warehouse_dir
    with hold_lock(folder, "make rollback"):
        release_id = catalog.find_release(folder, options.release)
        rollback = roll_back(
            folder,
            release_id,
            published_by=options.by or getpass.getuser(),
            reason=options.why or None,
        )
    _print(tell.tell_rollback(rollback))
    return 0


def _print(told: str) -> None:
    """Print what may quote the ledger."""
    print(escape_control(told))


def _name(settings: Settings, given: str | None) -> str:
    """Return the release that was named; the one that readers have when none was."""
    if given:
        return catalog.find_release(settings.warehouse_dir, given)
    return catalog.require_current(settings.warehouse_dir)


if __name__ == "__main__":
    sys.exit(main())

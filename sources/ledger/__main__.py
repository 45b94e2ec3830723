"""Commands for whoever edits the ledger: check it, renew the schemas, begin a deal."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from sources.ledger import forms
from sources.ledger.control import escape_control
from sources.ledger.load import LedgerError, LedgerReport, load_ledger
from sources.ledger.parse import Refusal
from sources.ledger.reference import REFERENCE_PATH, make_reference
from sources.ledger.schemas import SCHEMA_DIR, make_schemas
from sources.ledger.vocabulary import DealKind, OrganizationKind, PartyRole, Tier

_HERE = Path(__file__).parent
_TEMPLATES = _HERE / "_templates"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name and return its exit status."""
    parser = _build_parser()
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except LedgerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return status


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sources.ledger", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    check = commands.add_parser("check", help="say what is wrong with a ledger; exit 1 if any is")
    _add_ledger(check)
    check.add_argument(
        "--today",
        type=_read_day,
        default=datetime.now(UTC).date(),
        help="the last day on which a fact can have become known (default: the UTC day)",
    )
    check.set_defaults(run=_check)

    schemas = commands.add_parser("schemas", help="write the JSON Schemas and the reference page")
    schemas.add_argument("--check", action="store_true", help="only say whether they are fresh")
    schemas.set_defaults(run=_renew_schemas)

    deal = commands.add_parser("new-deal", help="begin the file of a deal from the template")
    deal.add_argument("id", type=_read_id, help="id in kebab-case, as openai-oracle-4-5gw")
    deal.add_argument("--title", type=_read_title, default=None)
    deal.add_argument("--kind", choices=list(DealKind), default=DealKind.COMPUTE_SUPPLY.value)
    deal.add_argument(
        "--known-on",
        type=_read_day,
        default=datetime.now(UTC).date(),
        help="the day on which it became public (default: the UTC day)",
    )
    deal.add_argument("--publisher", type=_read_title, default=None, help="who tells of it")
    deal.add_argument("--url", default=None, help="address of the document that tells of it")
    deal.add_argument("--tier", choices=list(Tier), default=Tier.SECONDARY.value)
    for role in PartyRole:
        deal.add_argument(
            f"--{role.replace('_', '-')}",
            dest=role.value,
            type=_read_id,
            action="append",
            default=[],
            metavar="ORG",
            help=f"id of an organisation that {role.meaning}",
        )
    _add_ledger(deal)
    deal.set_defaults(run=_begin_deal)

    organization = commands.add_parser(
        "new-organization", help="begin the file of an organisation from the template"
    )
    organization.add_argument("id", type=_read_id, help="id in kebab-case, as open-ai")
    organization.add_argument("--name", type=_read_title, default=None)
    organization.add_argument(
        "--kind", choices=list(OrganizationKind), default=OrganizationKind.OTHER.value
    )
    _add_ledger(organization)
    organization.set_defaults(run=_begin_organization)
    return parser


def _add_ledger(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ledger", type=Path, default=_HERE, help="folder of the ledger (default: the one here)"
    )


def _read_id(text: str) -> str:
    if not re.fullmatch(forms.ID.pattern or "", text) or len(text) > forms.ID.longest:
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed are {forms.ID.allowed}")
    return text


def _read_title(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > forms.LINE.longest:
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed is {forms.LINE.allowed}")
    return text


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"found {text!r}; write it as 2026-10-07") from error


def _check(options: argparse.Namespace) -> int:
    with duckdb.connect() as connection:
        report = load_ledger(connection, options.ledger, today=options.today)
    for problem in (*report.warnings, *report.refusals):
        print(format_problem(problem))
    print(_summarise(report))
    return 1 if report.quarantined else 0


def format_problem(problem: Refusal) -> str:
    """Return a refusal or warning as one line that an editor can jump to."""
    mark = "warning: " if problem.severity == "warn" else ""
    field = f"{problem.field}: " if problem.field else ""
    place = f"{problem.file}:{problem.line}"
    return escape_control(
        f"{place}: {mark}{problem.rule}: {field}{problem.message} - {problem.remedy}"
    )


def _summarise(report: LedgerReport) -> str:
    counts = report.counts
    return (
        f"{counts['deal'].accepted} deals, {counts['document'].accepted} documents,"
        f" {report.received - report.quarantined} of {report.received} records accepted,"
        f" {report.quarantined} refused, {len(report.warnings)} warnings"
    )


def _renew_schemas(options: argparse.Namespace) -> int:
    texts = {
        **{SCHEMA_DIR / name: text for name, text in make_schemas().items()},
        REFERENCE_PATH: make_reference(),
    }
    stale = [
        path
        for path, text in texts.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if options.check:
            print(f"stale: {path.name}; renew with `python -m sources.ledger schemas`")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(texts[path], encoding="utf-8")
            print(f"wrote {path.parent.name}/{path.name}")
    return 1 if stale and options.check else 0


def _begin_deal(options: argparse.Namespace) -> int:
    chosen = [(role.value, org) for role in PartyRole for org in getattr(options, role.value)]
    parties = chosen or [("customer", "null"), ("supplier", "null")]
    path = options.ledger / "deals" / f"{options.id}.yml"
    text = _fill(
        "deal",
        id=options.id,
        title=_quote(options.title),
        kind=options.kind,
        known_on=options.known_on.isoformat(),
        publisher=_quote(options.publisher),
        url=_quote(options.url),
        tier=options.tier,
        parties="\n".join(f"  - {{org: {org}, role: {role}}}" for role, org in parties),
    )
    if not _write_new(path, text):
        return 1
    steps = ["fill what is null: title, parties, and the document at the foot"]
    steps += [
        f"add organizations/{org}.yml (python -m sources.ledger new-organization {org})"
        for _, org in chosen
        if not (options.ledger / "organizations" / f"{org}.yml").is_file()
    ]
    steps += [
        "set the event's kind and commitment, and the figures stated: capacity, value, term",
        "link the deal to those that it is part of or overlaps (links:)",
        "run python -m sources.ledger check",
    ]
    print("\n".join(f"  {number}. {step}" for number, step in enumerate(steps, start=1)))
    return 0


def _begin_organization(options: argparse.Namespace) -> int:
    path = options.ledger / "organizations" / f"{options.id}.yml"
    text = _fill("organization", id=options.id, name=_quote(options.name), kind=options.kind)
    return 0 if _write_new(path, text) else 1


def _fill(template: str, **values: str) -> str:
    text = (_TEMPLATES / f"{template}.yml").read_text(encoding="utf-8")
    names = "|".join(values)
    # Not str.format: YAML has braces of its own.
    return re.sub(rf"\{{({names})\}}", lambda match: values[match[1]], text)


def _quote(text: str | None) -> str:
    """Return text as a YAML scalar that no reader takes for something else."""
    if text is None:
        return "null"
    return "'" + text.replace("'", "''") + "'"


def _write_new(path: Path, text: str) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        print(f"error: {path} exists already; nothing was written", file=sys.stderr)
        return False
    print(f"wrote {path}")
    return True


if __name__ == "__main__":
    sys.exit(main())

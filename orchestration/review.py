"""`make review`: filings that may tell of a deal, and `make new-deal FROM=…` to begin one from them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from orchestration.intact import DamagedError
from orchestration.query import open_release
from orchestration.settings import Settings, SettingsError, read_settings
from sources.ledger.__main__ import main as run_ledger

_MOST = 50

_LIST = f"""
select candidate_id, org_id, form, filed_on, largest_gw, largest_usd, score, best_quote, url
from audit.deal_candidate
where not is_cited
order by score desc, filed_on desc, candidate_id
limit {_MOST}
"""

_ONE = """
select candidate_id, org_id, company, form, filed_on, url, best_quote
from audit.deal_candidate
where candidate_id = ?
order by org_id
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """List what is to be reviewed, or begin a deal; 1 when there is none such, 2 on bad settings."""
    parser = argparse.ArgumentParser(
        prog="review",
        description="List filings that name gigawatts or dollars for compute and that the ledger"
        " does not cite, the likeliest first; or begin a deal's file from one of them.",
    )
    parser.add_argument("--begin", metavar="CANDIDATE", help="candidate to begin a deal from")
    parser.add_argument("--id", help="id of the deal; default: the company and the day")
    options = parser.parse_args(arguments)
    try:
        settings = read_settings()
        if options.begin:
            return begin_deal(settings, options.begin, options.id)
        print(list_candidates(settings))
    except (SettingsError, FileNotFoundError, DamagedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def list_candidates(settings: Settings) -> str:
    """Return what is to be reviewed, as text."""
    rows = _ask(settings, _LIST)
    if not rows:
        return "nothing to review; filings come with GIGALEDGER_FEEDS=live and GIGALEDGER_CONTACT"
    return "\n".join(
        f"{row['candidate_id']}  score {row['score']}\n"
        f"  {row['org_id']}, {row['form']} of {row['filed_on']}{_tell_size(row)}\n"
        f"  {row['best_quote'] or 'no figure was read'}\n  {row['url']}"
        for row in rows
    )


def begin_deal(settings: Settings, candidate_id: str, deal_id: str | None) -> int:
    """Begin the file of a deal from a candidate, with its document; return the exit status."""
    rows = _ask(settings, _ONE, [candidate_id])
    if not rows:
        print(f"error: there is no candidate {candidate_id}; see make review", file=sys.stderr)
        return 1
    row = rows[0]
    chosen = deal_id or f"{row['org_id']}-{row['filed_on']}"
    status = run_ledger(
        [
            *("new-deal", chosen, "--known-on", row["filed_on"].isoformat()),
            *("--publisher", row["company"] or row["org_id"], "--url", row["url"]),
            *("--tier", "primary", "--ledger", str(settings.ledger_dir)),
        ]
    )
    if status == 0:
        # What it quotes stays a comment until a person has read it.
        with (settings.ledger_dir / "deals" / f"{chosen}.yml").open("a", encoding="utf-8") as file:
            file.write(f"# {row['form']}, {_quote(row)}\n")
    return status


def _quote(row: dict[str, Any]) -> str:
    """Return what a candidate quotes, on one line."""
    return " ".join((row["best_quote"] or "no figure was read").split())


def _ask(settings: Settings, query: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
    connection = open_release(settings.release_file)
    try:
        answer = connection.execute(query, list(values))
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    finally:
        connection.close()


def _tell_size(row: dict[str, Any]) -> str:
    sizes = []
    if row["largest_gw"] is not None:
        sizes.append(f"{float(row['largest_gw']):g} GW")
    if row["largest_usd"] is not None:
        sizes.append(f"{float(row['largest_usd']) / 1e9:g} billion dollars")
    return f": {', '.join(sizes)}" if sizes else ""


if __name__ == "__main__":
    sys.exit(main())

"""Writes what is known of releases as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestration.releases.catalog import Listed
from orchestration.releases.diff import CAUSES
from orchestration.releases.log import Rollback
from orchestration.releases.verify import Verdict

_MOST_NAMED = 20
_WIDEST = 40


def tell_releases(releases: Sequence[Listed], rollbacks: Sequence[Rollback]) -> str:
    """Return the list of releases, the newest first, and the rollbacks below."""
    if not releases:
        return "no release yet; run make refresh"
    lines = [line for release in releases for line in _tell_listed(release)]
    if rollbacks:
        lines += ["", "rollbacks"]
        lines += [f"  {tell_rollback(rollback)}" for rollback in rollbacks]
    return "\n".join(lines)


def _tell_listed(release: Listed) -> Iterator[str]:
    mark = "  <- what readers have" if release.is_current else ""
    yield f"{release.release_id}{mark}"
    found = release.manifest
    if found is not None:
        rows = sum(entry["row_count"] for entry in found["tables"])
        passed = sum(check["is_passed"] for check in found["checks"])
        facts = (
            f"{found['published_at'][:19].replace('T', ' ')} UTC",
            f"revision {_cut_hash(found['git_revision'])}",
            f"ledger {found['ledger_hash'][:12]}",
            f"{len(found['tables'])} tables, {rows:,} rows",
            f"{passed} of {len(found['checks'])} checks passed",
        )
        yield f"    {'; '.join(facts)}"
    if release.summary:
        yield f"    {release.summary}"


def tell_rollback(rollback: Rollback) -> str:
    """Return one line on a rollback."""
    return (
        f"{rollback.rolled_back_at} UTC: {rollback.release_id} in place of"
        f" {rollback.replaced or 'a file that could not be read'}, by {rollback.published_by}"
        f" ({rollback.reason or 'no reason given'})"
    )


def tell_verdict(verdict: Verdict) -> str:
    """Return what a verification found."""
    lines = [f"release  {verdict.release_id}"]
    if verdict.damage:
        lines.append(f"damaged  {len(verdict.damage)} differ from the manifest:")
        lines += _name(verdict.damage)
        lines.append(
            "         Put another release back with make rollback RELEASE=..., or refresh."
        )
    else:
        lines.append(
            f"whole    {verdict.files} files and {verdict.tables} tables are as the manifest states"
        )
    same = verdict.inputs - len(verdict.in_git) - len(verdict.lost)
    lines.append(
        f"inputs   {same} of {verdict.inputs} stand in the ledger or the feeds as the release read them"
    )
    if verdict.in_git:
        lines.append(f"         {len(verdict.in_git)} changed since; git holds them as they were")
    if verdict.lost:
        lines.append(
            f"         {len(verdict.lost)} changed or went since, and git does not hold them as"
            " they were, so they cannot be verified:"
        )
        lines += _name(verdict.lost)
    return "\n".join(lines)


def _name(names: Sequence[str]) -> list[str]:
    lines = [f"         {name}" for name in names[:_MOST_NAMED]]
    if len(names) > _MOST_NAMED:
        lines.append(f"         and {len(names) - _MOST_NAMED} more")
    return lines


def tell_diff(diff: Mapping[str, Any], *, most: int) -> str:
    """Return a diff for reading, with at most so many figures of a table."""
    lines = [f"from {diff['from'] or 'nothing'}", f"to   {diff['to']}", diff["summary"]]
    revisions = diff["git_revision"]
    if diff["from"] and revisions[0] != revisions[1]:
        lines.append(f"revision {_cut_hash(revisions[0])} -> {_cut_hash(revisions[1])}")
    lines += [
        f"{name} {old or 'none'} -> {new or 'none'}"
        for name, (old, new) in diff["versions"].items()
    ]
    if diff["is_read_differently"]:
        lines.append(
            "records of unchanged files are read differently: the way they are read changed"
        )
    if diff["changed_rules"]:
        lines.append(f"changed rules: {_join(diff['changed_rules'])}")
    if diff["records"]:
        lines += ["", "records"]
        lines += [
            f"  {record['cause'].replace('_', ' '):<15}{record['record_kind']}"
            f" {record['record_id']}{_in_file(record)}"
            for record in diff["records"][:_MOST_NAMED]
        ]
        more = sum(diff["changed_records"].values()) - _MOST_NAMED
        lines += [f"  and {more:,} more"] if more > 0 else []
    for table in diff["tables"]:
        lines += ["", *_tell_table(table, most)]
    return "\n".join(lines)


def _tell_table(table: Mapping[str, Any], most: int) -> Iterator[str]:
    if table["change"] != "changed":
        yield f"{table['table']}: table {table['change']}"
        return
    if "not_compared" in table:
        yield f"{table['table']}: not compared, {table['not_compared']}"
        return
    rows = table["rows"]
    counts = ", ".join(
        f"{rows[word]:,} {word}" for word in ("changed", "added", "removed") if rows[word]
    )
    causes = ", ".join(
        f"{cause.replace('_', ' ')} {table['causes'][cause]:,}"
        for cause in CAUSES
        if cause in table["causes"]
    )
    yield f"{table['table']}: " + (f"rows {counts} ({causes})" if counts else "the same rows")
    for word in ("columns_added", "columns_removed"):
        if word in table:
            yield f"  {word.replace('_', ' ')}: {_join(table[word])}"
    shown = table["largest"][:most]
    for move in shown:
        yield f"  {_tell_move(move)}"
    more = rows["values_moved"] - len(shown)
    if more > 0:
        yield f"  and {more:,} more"


def _tell_move(move: Mapping[str, Any]) -> str:
    key = " ".join(str(value) for value in move["key"].values() if value is not None)
    old, new = _tidy(move["old"]), _tidy(move["new"])
    text = f"{key}: {move['column']} {old} -> {new}"
    if move["difference"] is not None:
        difference = f"{move['difference']:+,.9f}"
        text += f" ({_tidy(difference)})"
    return f"{text}; {_join(move['records'], most=3) or CAUSES[move['cause']]}"


def _tidy(text: str | None) -> str:
    """Return a value without the noughts at its end, and no longer than a line takes."""
    if text is None:
        return "none"
    whole, point, digits = text.partition(".")
    if point and digits.isdecimal():
        text = f"{whole}.{digits.rstrip('0')}".rstrip(".")
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _in_file(record: Mapping[str, Any]) -> str:
    return f" ({record['file']})" if record["file"] else ""


def _join(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _cut_hash(revision: str | None) -> str:
    """Return a commit as git shortens it, still marked where files differed from it."""
    if revision is None:
        return "unknown"
    commit, dirty, _ = revision.partition("-dirty")
    return f"{commit[:12]}{dirty}"

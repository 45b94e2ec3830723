"""How the records of a feed stand in its replies, and what must hold for them; all pure.

A form examines the bytes in Python (is it what was asked for, how many records does it hold) and
gives the SQL with which DuckDB reads them as text. What the text must be is said by the table.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sources.feeds.snapshots import RefusedError, Snapshot
from sources.sql import quote_name, quote_text

CSV_MEDIA = ("text/csv", "text/plain", "application/csv", "application/octet-stream", "")
_JSON_MEDIA = ("application/json", "text/plain", "application/octet-stream", "")
ZIP_MEDIA = ("application/zip", "application/x-zip-compressed", "application/octet-stream", "")

_AGAIN = "nothing to do if the next poll brings a good one; else compare with the publisher's page"
# Under this share of good records a reply is rather a new form than one with mistakes in it.
_LEAST_GOOD = 0.5

csv.field_size_limit(1 << 27)


@dataclass(frozen=True)
class Rule:
    """What holds for every record; `holds` is SQL over the typed columns, null counts as holding.

    In it `as_of` is the time of the snapshot.
    """

    name: str
    field: str
    holds: str
    message: str
    remedy: str = "ask the publisher, or leave it out"


@dataclass(frozen=True)
class Table:
    """A raw table of a feed and what must hold for its records."""

    name: str
    columns: Mapping[str, str]
    """Name to type; the record's own, without those that say where it came from."""
    key: tuple[str, ...]
    """Names a record; one that comes twice is kept once, and never when the two differ."""
    required: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    keeps_vintages: bool = False
    """Whether every good snapshot is loaded, not the newest alone."""
    is_one_series: bool = False
    """Whether its parts are pieces of one series, so that each is held against the one before."""
    measure: str | None = None
    """SQL for a quantity with a unit: its median does not jump from one snapshot to the next."""
    group: str | None = None
    """Column within whose words `measure` is looked at; no word ever disappears."""
    newest: str | None = None
    """SQL for an aggregate that never goes back from one snapshot to the next."""
    most_rows_per: tuple[str, int] | None = None
    """A column and the most records that share a value of it."""
    largest_jump: float = 10
    """Factor by which the median of `measure` may change."""
    largest_growth: float = 5
    """Factor by which the number of records, per value of `most_rows_per`, may grow or shrink."""


@dataclass(frozen=True)
class Form:
    """One shape in which records of a table come."""

    name: str
    table: Table
    count: Callable[[bytes], int]
    """Examines the content and returns how many records it holds, or raises RefusedError."""
    select: Callable[[str, Snapshot], str]
    """SQL for (record, raw_text, the columns of the table as text) of the file at a path."""
    media: tuple[str, ...]
    unpack: Callable[[bytes, int], bytes] | None = None
    """Takes the file out of its archive."""

    def open(self, snapshot: Snapshot, max_bytes: int) -> bytes:
        """Return the content of a snapshot as UTF-8.

        Raises:
            RefusedError: when it is not what was asked for.
        """
        if snapshot.media_type not in self.media:
            raise RefusedError(
                "media_type", f"it is {snapshot.media_type}, not {self.media[0]}", _AGAIN
            )
        content = snapshot.read(max_bytes)
        if self.unpack:
            content = self.unpack(content, max_bytes)
        if snapshot.charset not in ("utf-8", "us-ascii"):
            raise RefusedError("encoding", f"it is in {snapshot.charset}, not UTF-8", _AGAIN)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RefusedError("encoding", f"byte {error.start} is not UTF-8", _AGAIN) from None
        if not text.strip():
            raise RefusedError("empty", "there is nothing in it", _AGAIN)
        if text.lstrip()[:1] == "<":
            raise RefusedError("media_type", "it is a web page", _AGAIN)
        return text.encode()


@dataclass(frozen=True)
class Profile:
    """What is looked at from one snapshot to the next."""

    count: int
    rows_per: float
    newest: Any
    medians: Mapping[str, float]


def require_like(profile: Profile, before: Profile | None, table: Table) -> None:
    """Refuse a snapshot that cannot follow the last good one of its part.

    Raises:
        RefusedError: with the first thing that is odd.
    """
    if before is None:
        return
    if profile.newest is not None and before.newest is not None and profile.newest < before.newest:
        raise RefusedError(
            "older_copy",
            f"it ends at {profile.newest}, the last good one at {before.newest}",
            _AGAIN,
        )
    gone = sorted(before.medians.keys() - profile.medians.keys())
    if gone:
        raise RefusedError("gone", f"{', '.join(gone)} are no longer in it", _AGAIN)
    for word, median in profile.medians.items():
        earlier = before.medians.get(word)
        if (
            earlier
            and median
            and not 1 / table.largest_jump <= median / earlier <= table.largest_jump
        ):
            raise RefusedError(
                "unit",
                f"{word or table.measure}: its median is {median:g}, it was {earlier:g}",
                "see whether the publisher changed the unit; if so, convert it in the feed's module",
            )
    ratio = profile.rows_per / before.rows_per if before.rows_per else 1
    if not 1 / table.largest_growth <= ratio <= table.largest_growth:
        raise RefusedError(
            "row_count",
            f"it has {profile.rows_per:g} records, the last good one had {before.rows_per:g}",
            "if that is right, raise largest_growth in the feed's module",
        )


def require_mostly_good(received: int, accepted: int) -> None:
    """Refuse a snapshot most of whose records are refused.

    Raises:
        RefusedError: when fewer than half are good.
    """
    if accepted < received * _LEAST_GOOD:
        raise RefusedError(
            "mostly_refused",
            f"only {accepted} of {received} records are as they must be",
            "see whether the publisher changed the form; if so, mend the feed's module",
        )


def csv_form(
    name: str,
    table: Table,
    labels: Mapping[str, str],
    *,
    constants: Mapping[str, str] | None = None,
    unpack: Callable[[bytes, int], bytes] | None = None,
) -> Form:
    """Return a form of one record a line.

    Args:
        name: of the form.
        table: that it feeds.
        labels: column of the table to the publisher's label; the order of columns does not matter.
        constants: column of the table to SQL over `line`, for what no single label gives.
        unpack: takes the file out of its archive.
    """
    made = {column: f"line.{quote_name(label)}" for column, label in labels.items()}
    made |= dict(constants or {})

    def count(content: bytes) -> int:
        return count_lines(content, labels.values())

    def select(path: str, snapshot: Snapshot) -> str:
        columns = ", ".join(f"{text} as {column}" for column, text in made.items())
        return (
            f"select row_number() over () as record, cast(to_json(line) as varchar) as raw_text,"
            f" {columns} from {read_csv(path)} as line"
        )

    return Form(name, table, count, select, ZIP_MEDIA if unpack else CSV_MEDIA, unpack)


def json_form(
    name: str,
    table: Table,
    find: Callable[[Any], Sequence[Any]],
    select: Callable[[str, Snapshot], str],
) -> Form:
    """Return a form of one JSON document.

    Args:
        name: of the form.
        table: that it feeds.
        find: returns the records of the document; KeyError and TypeError say that they are missing.
        select: SQL as in Form.
    """

    def count(content: bytes) -> int:
        try:
            return len(find(json.loads(content)))
        except json.JSONDecodeError as error:
            raise RefusedError("json", f"it is no JSON: {error}", _AGAIN) from None
        except (KeyError, TypeError, AttributeError) as error:
            raise RefusedError(
                "columns",
                f"the records are not where they were: {error}",
                "see whether the publisher changed the form; if so, mend the feed's module",
            ) from None

    return Form(name, table, count, select, _JSON_MEDIA)


def count_lines(content: bytes, labels: Sequence[str] | Any) -> int:
    """Return how many lines of data a CSV file has under the header that it must have.

    Raises:
        RefusedError: when a label is missing or there twice.
    """
    lines = csv.reader(io.StringIO(content.decode(), newline=""))
    header = next(lines)
    missing = sorted(set(labels) - set(header))
    twice = sorted({label for label in labels if header.count(label) > 1})
    if missing or twice:
        odd = ", ".join(missing or twice)
        raise RefusedError(
            "columns",
            f"{'no column' if missing else 'more than one column'} {odd}; it has"
            f" {', '.join(header)[:300]}",
            "see whether the publisher renamed it; if so, mend the feed's module",
        )
    return sum(1 for line in lines if line)


def read_json(path: str, **columns: str) -> str:
    """Return SQL that reads a file of one JSON document: names of its parts to their types."""
    parts = ", ".join(f"{name}: {quote_text(kind)}" for name, kind in columns.items())
    return (
        f"read_json({quote_text(path)}, columns = {{{parts}}}, format = 'unstructured',"
        " maximum_object_size = 268435456)"
    )


def read_csv(path: str) -> str:
    """Return SQL that reads a CSV file as text; lines that it cannot read go to `broken_line`."""
    return (
        f"read_csv({quote_text(path)}, header = true, all_varchar = true, delim = ',',"
        " quote = '\"', escape = '\"', nullstr = '', store_rejects = true,"
        " rejects_table = 'broken_line', rejects_scan = 'broken_scan', parallel = false,"
        " maximum_line_size = 16777216)"
    )

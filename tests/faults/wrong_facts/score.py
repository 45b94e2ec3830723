"""Puts errors and good edits into copies of a ledger and counts which of them the rules name.

Changes go in together where they touch different files. What a batch leaves in doubt, an error that
no rule named or an edit that one did, is put in once more, alone: that result counts.
"""

from __future__ import annotations

import datetime as dt
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from sources.ledger.load import load_ledger
from sources.ledger.parse import FOLDERS, Refusal
from tests.faults.wrong_facts.edits import EDITS
from tests.faults.wrong_facts.errors import CLASSES
from tests.faults.wrong_facts.ledgers import Change, Ledger, find_lines

# These hold one place of a file against another and may name either.
_OF_TWO_PLACES = ("phases_above_headline", "part_above_whole", "events_out_of_order")

LATEST_DAY = dt.date(2026, 11, 25)
_BATCH = 20
_MOST_DRAWS = 20_000


@dataclass(frozen=True)
class Score:
    """What was caught: per class of errors, and how many good edits were spoken of."""

    caught: dict[str, int]
    drawn: dict[str, int]
    missed: list[Change]
    edits: int
    alarms: list[tuple[Change, list[Refusal]]]

    @property
    def share_caught(self) -> float:
        """The part of all errors that was caught."""
        return sum(self.caught.values()) / max(1, sum(self.drawn.values()))

    @property
    def share_of_alarms(self) -> float:
        """The part of the good edits of which a rule spoke."""
        return len(self.alarms) / max(1, self.edits)


class Bench:
    """A copy of a ledger into which changes are put, and the problems that it had before."""

    def __init__(self, source: Path, folder: Path) -> None:
        self._folder = folder
        for name in FOLDERS:
            shutil.copytree(source / name, folder / name)
        self.ledger = Ledger(folder)
        self._before = {_name(problem) for problem in self._load()}

    def problems_with(self, changes: Iterable[Change]) -> list[Refusal]:
        """Return the problems that the ledger has with the changes and had not without."""
        texts = {file: text for change in changes for file, text in change.texts.items()}
        try:
            for file, text in texts.items():
                (self._folder / file).write_text(text, encoding="utf-8")
            return [problem for problem in self._load() if _name(problem) not in self._before]
        finally:
            for file in texts:
                if file in self.ledger.texts:
                    (self._folder / file).write_text(self.ledger.texts[file], encoding="utf-8")
                else:
                    (self._folder / file).unlink()

    def _load(self) -> list[Refusal]:
        with duckdb.connect() as connection:
            report = load_ledger(connection, self._folder, today=LATEST_DAY)
        return [*report.refusals, *report.warnings]


def _name(problem: Refusal) -> tuple[str | None, ...]:
    # Without the line, which moves when something is added above.
    return (problem.rule, problem.record_kind, problem.record_id, problem.file, problem.field)


def is_caught(change: Change, problems: Iterable[Refusal]) -> bool:
    """Say whether an expected rule names the file of the change, and the line where it has one."""
    first, last = find_lines(change.texts[change.file], change.path)
    for problem in problems:
        if problem.rule not in change.expected:
            continue
        is_there = first <= problem.line <= last or problem.rule in _OF_TWO_PLACES
        if problem.file == change.file and is_there:
            return True
        # Of two equal records the one that is read first is kept; the message names the other.
        if change.file in problem.message:
            return True
    return False


def draw(
    make: Callable[[random.Random, Ledger], Change | None],
    family: str,
    count: int,
    rng: random.Random,
    ledger: Ledger,
) -> list[Change]:
    """Draw different changes of a kind.

    Raises:
        LookupError: when the ledger has not so many.
    """
    drawn: dict[tuple[str, str], Change] = {}
    for _ in range(_MOST_DRAWS):
        if len(drawn) == count:
            return list(drawn.values())
        change = make(rng, ledger)
        if change is not None:
            drawn.setdefault((change.file, change.told), replace(change, family=family))
    raise LookupError(f"{family}: found {len(drawn)} of {count}; the ledger is too small")


def draw_edits(count: int, rng: random.Random, ledger: Ledger) -> list[Change]:
    """Draw good edits of all kinds, each in its part of the whole."""
    wanted = [round(part * count / 100) for _, part in EDITS]
    wanted[0] += count - sum(wanted)
    return [
        change
        for (make, _), number in zip(EDITS, wanted, strict=True)
        for change in draw(make, make.__name__, number, rng, ledger)
    ]


def _batches(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Yield the changes in groups of which no two touch a file."""
    batches: list[tuple[set[str], list[Change]]] = []
    for change in changes:
        for files, batch in batches:
            if len(batch) < _BATCH and not files & change.texts.keys():
                break
        else:
            files, batch = set(), []
            batches.append((files, batch))
        files.update(change.texts)
        batch.append(change)
    yield from (batch for _, batch in batches)


def _find_alarms(bench: Bench, batch: list[Change]) -> list[tuple[Change, list[Refusal]]]:
    """Return the changes of which a rule speaks, found by halving the batch."""
    problems = bench.problems_with(batch)
    if not problems:
        return []
    if len(batch) == 1:
        return [(batch[0], problems)]
    half = len(batch) // 2
    return [*_find_alarms(bench, batch[:half]), *_find_alarms(bench, batch[half:])]


def measure(
    source: Path,
    folder: Path,
    *,
    seed: int,
    errors: int,
    edits: int,
    say: Callable[[str], None],
) -> Score:
    """Put `errors` errors of each class and `edits` good edits into copies of a ledger."""
    bench = Bench(source, folder)
    rng = random.Random(seed)
    drawn = [draw(make, family, errors, rng, bench.ledger) for family, make in CLASSES.items()]
    # One of each class in a batch: few of them touch what others do.
    wrong = [change for row in zip(*drawn, strict=True) for change in row]
    missed = []
    for batch in _batches(wrong):
        problems = bench.problems_with(batch)
        for change in batch:
            if not is_caught(change, problems) and not is_caught(
                change, bench.problems_with([change])
            ):
                missed.append(change)
        say(f"errors: a batch of {len(batch)} done, {len(missed)} missed so far")
    good = draw_edits(edits, rng, bench.ledger)
    alarms = []
    for batch in _batches(good):
        alarms += _find_alarms(bench, batch)
        say(f"good edits: a batch of {len(batch)} done, {len(alarms)} false alarms so far")
    counts = dict.fromkeys(CLASSES, errors)
    caught = {
        family: errors - sum(change.family == family for change in missed) for family in CLASSES
    }
    return Score(caught, counts, missed, len(good), alarms)

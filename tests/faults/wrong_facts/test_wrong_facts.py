"""A small draw of wrong facts and good edits; the whole is `python -m tests.faults.wrong_facts`."""

from __future__ import annotations

from pathlib import Path

import pytest

import sources.ledger
from tests.faults.wrong_facts.__main__ import format_score
from tests.faults.wrong_facts.errors import CLASSES
from tests.faults.wrong_facts.score import Score, measure


@pytest.fixture(scope="module")
def score(tmp_path_factory: pytest.TempPathFactory) -> Score:
    ledger = Path(sources.ledger.__file__).parent
    folder = tmp_path_factory.mktemp("ledger")
    return measure(ledger, folder, seed=7, errors=2, edits=20, say=print)


def test_nearly_all_wrong_facts_are_named_with_file_and_line(score: Score) -> None:
    assert set(score.drawn) == set(CLASSES)
    assert sum(score.drawn.values()) == 40
    assert score.share_caught >= 0.95, format_score(score)


def test_hardly_a_good_edit_is_spoken_of(score: Score) -> None:
    assert score.edits == 20
    assert len(score.alarms) <= 1, format_score(score)

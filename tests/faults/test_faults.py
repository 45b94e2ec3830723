"""The short versions: a few real faults of each kind. `make faults` runs the long ones."""

from __future__ import annotations

from pathlib import Path

from tests.faults import damage, readers


def _say(_: str) -> None:
    pass


def test_what_is_damaged_gives_no_answer_and_is_mended(tmp_path: Path) -> None:
    figures = damage.spoil_all(tmp_path, _say, count=10)

    assert figures["published file, of 2: refused by make query"] == 2
    assert figures["published file, of 2: mended by the next publication"] == 2


def test_readers_see_one_release_whole(tmp_path: Path) -> None:
    figures = readers.read_through(tmp_path / "readers", _say, pollers=2, stayers=1, publishes=4)

    assert figures["different releases read"] != 1

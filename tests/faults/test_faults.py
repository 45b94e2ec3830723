"""The short versions: a few real faults of each kind. `make faults` runs the long ones."""

from __future__ import annotations

from pathlib import Path

from tests.faults import damage, hostile, readers
from tests.faults.__main__ import PAGE, list_experiments
from tests.faults.crowd import race
from tests.faults.kills import kill_at
from tests.faults.world import World
from tests.sources.ledger.ledgers import load, make_records, write_yaml


def _say(_: str) -> None:
    """Be silent."""


def test_a_killed_refresh_is_healed_by_the_one_of_four_that_gets_the_lock(tmp_path: Path) -> None:
    world = World.make(tmp_path / "world")
    world.heal()

    assert not kill_at(world, "inside a model")
    assert kill_at(world, "after the swap")
    published, told = race(world, 4)

    assert published >= 1
    assert published + told == 4


def test_what_is_damaged_gives_no_answer_and_is_mended(tmp_path: Path) -> None:
    figures = damage.spoil_all(tmp_path, _say, count=12)

    assert figures["published file, of 2: refused by make query"] == 2
    assert figures["published file, of 2: mended by the next publication"] == 2


def test_readers_see_one_release_whole(tmp_path: Path) -> None:
    figures = readers.read_through(tmp_path / "readers", _say, pollers=2, stayers=1, publishes=4)

    assert figures["different releases read"] != 1


def test_hostile_texts_are_kept_as_they_are_or_refused(tmp_path: Path) -> None:
    ledger = write_yaml(tmp_path / "ledger", make_records())
    cases = hostile.write_cases(ledger, tmp_path / "canary", longest_line=1 << 20)

    connection, _ = load(ledger)

    kept, refused = hostile.follow(
        connection, cases, "raw_ledger.document", "raw_ledger.quarantine"
    )
    assert kept + refused == len(cases) == 100
    assert not (tmp_path / "canary").exists()


def test_the_page_has_a_place_for_the_figures_of_each_experiment() -> None:
    text = PAGE.read_text(encoding="utf-8")

    for name in (*list_experiments(), "wrong-facts"):
        assert text.count(f"<!-- figures: {name} -->") == 1

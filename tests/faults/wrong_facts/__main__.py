"""Print how many seeded errors the rules of the ledger catch, and how often they cry wolf."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import sources.ledger
from tests.faults.wrong_facts.errors import MUST_BE_CAUGHT
from tests.faults.wrong_facts.score import Score, measure

LEAST_CAUGHT = 0.98
MOST_ALARMS = 0.01


def main() -> int:
    """Measure, print, and return 0 when the score is good enough."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.wrong_facts", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws other errors (default: 1)")
    parser.add_argument("--errors", type=int, default=20, help="of each class (default: 20)")
    parser.add_argument("--edits", type=int, default=200, help="good edits (default: 200)")
    parser.add_argument(
        "--ledger",
        type=Path,
        default=Path(sources.ledger.__file__).parent,
        help="folder of the ledger (default: the one here); it is copied, never written to",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wrong-facts-") as folder:
        score = measure(
            options.ledger,
            Path(folder),
            seed=options.seed,
            errors=options.errors,
            edits=options.edits,
            say=lambda message: print(message, file=sys.stderr, flush=True),
        )
    print("\n".join(format_score(score)))
    return 0 if is_good(score) else 1


def is_good(score: Score) -> bool:
    """Say whether a score meets what is asked for."""
    return (
        score.share_caught >= LEAST_CAUGHT
        and score.share_of_alarms <= MOST_ALARMS
        and all(score.caught[family] == score.drawn[family] for family in MUST_BE_CAUGHT)
    )


def format_score(score: Score) -> list[str]:
    """Return the lines that tell a score, with all that was missed."""
    lines = [
        f"{score.caught[family]:4} of {drawn:3}  {family}" for family, drawn in score.drawn.items()
    ]
    lines.append(
        f"{sum(score.caught.values()):4} of {sum(score.drawn.values()):3}  all errors:"
        f" {score.share_caught:.1%} caught"
    )
    lines.append(
        f"{len(score.alarms):4} of {score.edits:3}  false alarms on good edits:"
        f" {score.share_of_alarms:.1%}"
    )
    lines += [f"missed: {item.family}: {item.file}: {item.told}" for item in score.missed]
    for change, problems in score.alarms:
        told = "; ".join(f"{item.file}:{item.line} {item.rule}" for item in problems)
        lines.append(f"false alarm: {change.family}: {change.told}: {told}")
    return lines


if __name__ == "__main__":
    sys.exit(main())

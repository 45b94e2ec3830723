"""The ledger itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import sources.ledger
from sources.ledger.parse import parse_file
from tests.sources.ledger.ledgers import list_rows, load

LEDGER = Path(sources.ledger.__file__).parent


def test_every_record_of_the_ledger_is_accepted() -> None:
    _, report = load(LEDGER, today=datetime.now(UTC).date())
    assert report.refusals == ()


def test_every_row_names_a_line_of_its_file() -> None:
    connection, _ = load(LEDGER, today=datetime.now(UTC).date())
    for table in ("deal", "deal_party", "deal_event", "deal_phase", "deal_link", "document"):
        for file, last in list_rows(
            connection, f"select file, max(line) from raw_ledger.{table} group by file"
        ):
            lines = (LEDGER / file).read_text(encoding="utf-8").count("\n")
            assert 1 <= last <= lines, (table, file)


def test_the_deal_shown_in_the_manual_is_of_the_right_form() -> None:
    manual = (LEDGER.parents[1] / "docs" / "ledger.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    parsed = parse_file(example.encode(), file="deals/openai-oracle-4-5gw.yml", folder="deals")
    assert parsed.refusals == ()
    assert [record.kind for record in parsed.records] == ["deal", "document"]

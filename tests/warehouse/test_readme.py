"""The README's queries run, and its table is what its query gives."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from tests.warehouse.harness import ROOT, Warehouse

README = (ROOT / "README.md").read_text(encoding="utf-8")
STATEMENTS = [
    statement.strip()
    for block in re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    for statement in block.split(";")
    if statement.strip()
]


@pytest.fixture(scope="module")
def warehouse(published_warehouse: Warehouse) -> Warehouse:
    return published_warehouse


def test_readme_shows_the_question_and_five_queries() -> None:
    assert len(STATEMENTS) == 6


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: text.splitlines()[0][:40])
def test_queries_of_the_readme_give_rows(warehouse: Warehouse, statement: str) -> None:
    assert warehouse.rows(statement)


def test_table_of_the_readme_is_what_its_query_gives(warehouse: Warehouse) -> None:
    table = re.search(r"<!-- figures: openai -->\n(.*?)<!-- end -->", README, re.DOTALL)
    assert table is not None
    header, _, *lines = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in table[1].strip().splitlines()
    ]
    shown = [dict(zip(header, line, strict=True)) for line in lines]
    assert [_plain(row) for row in warehouse.rows(STATEMENTS[0])] == [_plain(row) for row in shown]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if name in {"day", "layer"} else Decimal(value) for name, value in row.items()
    }

"""docs/dictionary.md is that of the project, and says of every published column what it means."""

from __future__ import annotations

import re

from orchestration.dictionary import DICTIONARY, write_dictionary
from tests.warehouse.harness import CompiledProject, Warehouse

PAGE = DICTIONARY.read_text(encoding="utf-8")
SECTIONS = {
    section.splitlines()[0]: re.findall(r"^\| (\w+) \| (.*) \| (\w*) \| (.*) \|$", section, re.M)[
        1:
    ]
    for section in re.split(r"\n### ", PAGE)[1:]
}


def test_dictionary_is_current(published_warehouse: Warehouse, project: CompiledProject) -> None:
    written = write_dictionary(published_warehouse.connection, project.manifest)
    assert f"{written}\n" == PAGE, "renew it with `make pages`"


def test_dictionary_has_every_published_column_with_type_and_meaning(
    published_warehouse: Warehouse,
) -> None:
    columns = published_warehouse.rows(
        "select schema_name || '.' || table_name as name, list(column_name order by column_index)"
        " as columns from duckdb_columns() where database_name = current_database()"
        " and schema_name in ('core', 'marts', 'audit') group by name"
    )
    macros = published_warehouse.rows(
        "select function_name || '(' || array_to_string(parameters, ', ') || ')' as name"
        " from duckdb_functions() where function_type = 'table_macro'"
        " and database_name = current_database()"
    )
    assert {row["name"] for row in columns + macros} == set(SECTIONS)
    for row in columns:
        assert [shown[0] for shown in SECTIONS[row["name"]]] == row["columns"]
    for name, shown in SECTIONS.items():
        assert shown and all(kind and len(text) > 3 for _, kind, _, text in shown), name


def test_links_of_the_contents_lead_to_sections() -> None:
    slugs = {re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in SECTIONS}
    assert set(re.findall(r"^- \[.*\]\(#(.*?)\): one row", PAGE, re.M)) == slugs


def test_units_of_gigawatts_and_dollars_are_given() -> None:
    for name, shown in SECTIONS.items():
        for column, _, unit, _ in shown:
            measure = re.search(r"_(gw|usd)(_low|_base|_high)?$", column)
            if measure and not name.startswith("audit."):
                assert unit == measure[1], f"{name} {column}"

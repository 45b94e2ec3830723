"""Great Expectations runs inside DuckDB, and nothing that is declared goes missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from orchestration.audit.expectations import run_suites
from orchestration.audit.results import AuditError, CheckResult, require_passed
from orchestration.audit.suites import Suite, SuiteError, load_suite, load_suites

_BETWEEN = {
    "type": "expect_column_values_to_be_between",
    "column": "capacity_gw",
    "min_value": 0,
    "max_value": 100,
    "severity": "stop",
    "why": "No deal is larger than the grid of a large country.",
}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A work database with two tables, one of them empty."""
    with duckdb.connect(tmp_path / "work.duckdb") as opened:
        opened.execute(
            """
            create schema core;
            create table core.deal as
            select * from (values
                ('oracle', 4.5, 'cloud', ['a']), ('nvidia', 10, 'chips', ['a', 'b']),
                ('typo', 4500, 'cloud', ['c']), ('unknown', null, 'cloud', ['c'])
            ) as t (deal_id, capacity_gw, layer, source_ids);
            create table core.nothing as select * from core.deal limit 0;
            """
        )
        yield opened


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[..., Suite]:
    """A suite as its file says it, for the table core.deal unless another is named."""

    def write(*expectations: dict[str, Any], table: str = "deal", **fields: Any) -> Suite:
        path = tmp_path / f"{table}.expectations.yml"
        content = {
            "table": f"core.{table}",
            "key": ["deal_id"],
            "expectations": list(expectations),
            **fields,
        }
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return load_suite(path)

    return write


def _only(results: list[CheckResult]) -> CheckResult:
    assert len(results) == 1
    return results[0]


def test_failing_rows_are_shown_with_their_keys(connection: Any, suite_of: Any) -> None:
    result = _only(run_suites(connection, [suite_of(_BETWEEN)]))

    assert result.check_name == "expect_column_values_to_be_between(capacity_gw)"
    assert (result.is_executed, result.is_passed) == (True, False)
    assert (result.examined_rows, result.failed_rows) == (4, 1)
    assert json.loads(result.failing_sample or "") == [{"deal_id": "typo", "capacity_gw": "4500.0"}]
    with pytest.raises(AuditError, match=r"1 of 4 rows.*typo.*grid of a large country"):
        require_passed([result])


def test_a_failed_warning_is_recorded_and_stops_nothing(connection: Any, suite_of: Any) -> None:
    result = _only(run_suites(connection, [suite_of({**_BETWEEN, "severity": "warn"})]))

    assert not result.is_passed
    require_passed([result])


def test_a_condition_picks_the_rows(connection: Any, suite_of: Any) -> None:
    suite = suite_of({**_BETWEEN, "row_condition": "layer = 'chips'"}, _BETWEEN)

    chips, all_layers = run_suites(connection, [suite])

    assert (chips.examined_rows, chips.is_passed) == (1, True)
    assert (all_layers.examined_rows, all_layers.is_passed) == (4, False)


def test_rows_that_a_query_finds_are_shown(connection: Any, suite_of: Any) -> None:
    query = "select deal_id, layer from {batch} where capacity_gw is null"
    suite = suite_of(
        {
            "type": "unexpected_rows_expectation",
            "unexpected_rows_query": query,
            "severity": "stop",
            "why": "A contract says how much.",
        }
    )

    result = _only(run_suites(connection, [suite]))

    assert (result.is_passed, result.failed_rows, result.examined_rows) == (False, 1, 4)
    assert json.loads(result.failing_sample or "") == [{"deal_id": "unknown", "layer": "cloud"}]


def test_a_table_without_rows_fails_unless_its_file_allows_it(
    connection: Any, suite_of: Any
) -> None:
    strict = suite_of(_BETWEEN, table="nothing")
    total = {**_BETWEEN, "type": "expect_column_sum_to_be_between"}
    lenient = suite_of(_BETWEEN, total, table="nothing", may_be_empty=True)

    failed = _only(run_suites(connection, [strict]))
    passed, passed_total = run_suites(connection, [lenient])

    assert failed.is_blocking and "examined no row" in (failed.message or "")
    assert (passed.is_passed, passed.examined_rows) == (True, 0)
    assert (passed_total.is_passed, passed_total.examined_rows) == (True, 0)


def test_what_cannot_run_blocks_even_as_a_warning(connection: Any, suite_of: Any) -> None:
    no_column = {**_BETWEEN, "column": "capacity_mw", "severity": "warn"}
    bad_condition = {**_BETWEEN, "row_condition": "no_such = 1", "severity": "warn"}
    suite = suite_of(no_column, bad_condition, _BETWEEN)

    results = run_suites(connection, [suite])

    assert [result.is_executed for result in results] == [False, False, True]
    assert all(result.is_blocking for result in results[:2])


def test_expectations_of_a_table_that_was_not_built_block(connection: Any, suite_of: Any) -> None:
    result = _only(run_suites(connection, [suite_of(_BETWEEN, table="elsewhere")]))

    assert result.is_blocking and "elsewhere" in (result.message or "")


def test_every_declared_expectation_has_a_result(connection: Any, suite_of: Any) -> None:
    kinds = [
        {"type": "expect_column_values_to_not_be_null", "column": "deal_id"},
        {"type": "expect_column_values_to_be_in_set", "column": "layer", "value_set": ["cloud"]},
        {"type": "expect_compound_columns_to_be_unique", "column_list": ["deal_id", "layer"]},
        {"type": "expect_column_sum_to_be_between", "column": "capacity_gw", "max_value": 1},
        {"type": "expect_table_row_count_to_be_between", "min_value": 1},
        {"type": "expect_column_value_lengths_to_be_between", "column": "layer", "min_value": 1},
        {"type": "expect_column_pair_values_to_be_equal", "column_A": "layer", "column_B": "layer"},
    ]
    suite = suite_of(*({**kind, "severity": "stop", "why": "Because."} for kind in kinds * 2))

    results = run_suites(connection, [suite])

    assert [result.check_name for result in results] == [item.name for item in suite.expectations]
    assert all(result.is_executed and result.examined_rows == 4 for result in results)


def test_the_work_database_is_free_after_the_audit(
    connection: Any, suite_of: Any, tmp_path: Path
) -> None:
    run_suites(connection, [suite_of(_BETWEEN)])
    connection.close()

    with duckdb.connect(tmp_path / "work.duckdb", config={"threads": 1}) as other:
        assert other.execute("select count(*) from core.deal").fetchone() == (4,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "expect_colum_values_to_be_between"}, "did you mean expect_column_values_to_be_"),
        ({"min_valeu": 0}, "extra fields not permitted"),
        ({"mostly": 2}, "mostly"),
    ],
)
def test_what_great_expectations_does_not_know_is_refused(
    connection: Any, suite_of: Any, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(SuiteError, match=message):
        run_suites(connection, [suite_of({**_BETWEEN, **change})])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is no mapping"),
        ("table: core.deal\nkey: [deal_id]\nexpectations: []", "there is none"),
        ("table: core.other\nkey: [deal_id]\nexpectations: [{}]", "write the schema and deal"),
        ("table: core.deal\nexpectations: [{}]", "list the columns that name a row"),
        ("table: core.deal\nkey: [a]\nexpectation: [{}]", "unknown: expectation"),
        ("table: core.deal\nkey: [a]\nkey: [b]\nexpectations: [{}]", "'key' stands twice"),
        ("table: core.deal\nkey: [a]\nexpectations: [{type: x}]", "allowed are stop, warn"),
        (
            "table: core.deal\nkey: [a]\nexpectations: [{type: x, severity: stop}]",
            "give the reason in the world",
        ),
        ("table: [", "deal.expectations.yml"),
    ],
)
def test_a_file_that_is_not_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "deal.expectations.yml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SuiteError, match=message):
        load_suites(tmp_path)


def test_two_files_for_one_table_are_refused(suite_of: Any, tmp_path: Path) -> None:
    suite = suite_of(_BETWEEN)
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / suite.file.name).write_bytes(suite.file.read_bytes())

    with pytest.raises(SuiteError, match=r"core\.deal has one already"):
        load_suites(tmp_path)

"""Each check stubbed out in turn: the release fails every time, and the message names the check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import release, steps
from orchestration.audit.dbt_tests import count_rows
from orchestration.audit.declared import Declared, list_declared, require_complete
from orchestration.audit.results import AuditError, CheckKind, CheckResult, read_results
from orchestration.audit.suites import Suite, SuiteError, load_suites
from orchestration.dbt_process import load_manifest
from orchestration.refresh import refresh
from orchestration.settings import ROOT, Settings
from tests.orchestration.conftest import make_world

_DAY = date(2026, 11, 25)


@dataclass(frozen=True)
class Audit:
    """What a real audit declared and found."""

    settings: Settings
    declared: frozenset[Declared]
    results: Sequence[CheckResult]
    rows: dict[str, int]


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """The audit of the real ledger, as a refresh left it."""
    folder = tmp_path_factory.mktemp("real")
    settings = Settings(
        ledger_dir=ROOT / "sources" / "ledger",
        warehouse_dir=folder / "warehouse",
        today=_DAY,
        latest_day=_DAY,
        threads=2,
        dagster_home=folder / "dagster",
    )
    assert refresh(settings) == 0
    # The next release has one to be compared with; this one had none.
    suites = load_suites(settings.dbt_project_dir / "models")
    declared = list_declared(suites, load_manifest(settings))
    identities = [item for item in _read(settings) if item.check_kind is CheckKind.IDENTITY]
    results = [*steps.audit(settings), *identities]
    with steps.open_work(settings) as connection:
        rows = count_rows(connection, {check.table_name for check in declared})
    return Audit(settings, declared, results, rows)


def _read(settings: Settings) -> list[CheckResult]:
    with steps.open_work(settings) as connection:
        return read_results(connection) or []


def _key(result: CheckResult) -> tuple[str, str, str]:
    return result.table_name, result.check_kind.value, result.check_name


def test_the_real_audit_is_complete(audit: Audit) -> None:
    require_complete(audit.declared, audit.results, audit.rows)

    assert {_key(result) for result in audit.results} == {check[:3] for check in audit.declared}
    assert {result.check_kind for result in audit.results} == set(CheckKind)


def _drop(result: CheckResult) -> list[CheckResult]:
    return []


def _call_not_run(result: CheckResult) -> list[CheckResult]:
    return [replace(result, is_executed=False, is_passed=True)]


def _say_nothing_of_rows(result: CheckResult) -> list[CheckResult]:
    return [replace(result, examined_rows=None)]


def _examine_nothing(result: CheckResult) -> list[CheckResult]:
    return [replace(result, examined_rows=0)]


def _rename(result: CheckResult) -> list[CheckResult]:
    return [replace(result, check_name=f"{result.check_name} 2")]


@pytest.mark.parametrize(
    "stub", [_drop, _call_not_run, _say_nothing_of_rows, _examine_nothing, _rename]
)
def test_each_check_stubbed_out_in_turn_fails_the_release(
    audit: Audit, stub: Callable[[CheckResult], list[CheckResult]]
) -> None:
    unseen = []
    may_examine_none = {
        check[:3] for check in audit.declared if check.may_be_empty and check.is_about_some_rows
    }
    for number, result in enumerate(audit.results):
        others = [*audit.results[:number], *audit.results[number + 1 :]]
        # Nothing tells a check whose rows do not occur from one that did not look for them.
        is_allowed = stub is _examine_nothing and (
            _key(result) in may_examine_none or not audit.rows[result.table_name]
        )
        try:
            require_complete(audit.declared, [*others, *stub(result)], audit.rows)
        except AuditError as error:
            named = f"{result.table_name}: {result.check_name}: " in str(error)
            assert named, f"{error} does not name {result.check_name}"
        else:
            if not is_allowed:
                unseen.append(_key(result))
    assert len(audit.results) > 150
    assert unseen == []


def test_a_check_that_looks_at_a_part_of_its_table_fails_the_release(audit: Audit) -> None:
    result = next(item for item in audit.results if item.table_name == "core.dim_deal")
    rest = [item for item in audit.results if item is not result]
    part = replace(result, examined_rows=(result.examined_rows or 0) - 1)

    with pytest.raises(AuditError, match=r"core\.dim_deal: .*it examined \d+ of \d+ rows"):
        require_complete(audit.declared, [*rest, part], audit.rows)


def test_the_manifest_lists_every_check_with_its_rows(audit: Audit) -> None:
    folders = [path for path in (audit.settings.warehouse_dir / "releases").iterdir()]
    manifest = json.loads((folders[0] / "manifest.json").read_text(encoding="utf-8"))

    assert manifest["checks_declared"] == manifest["checks_executed"] == len(audit.declared)
    listed = {(item["table_name"], item["check_kind"], item["check_name"]): item
              for item in manifest["checks"]}  # fmt: skip
    assert set(listed) == {check[:3] for check in audit.declared}
    unexamined = [key for key, item in listed.items() if item["examined_rows"] is None]
    assert unexamined == []
    assert {"data_docs/index.html", "report/index.html"} <= set(manifest["files"])
    # It was the first: nothing that compares claims to have looked.
    compared = [item for key, item in listed.items() if key[0] == "gate.total_change"]
    assert {item["message"] for item in compared} == {
        "nothing to compare: there is no earlier release"
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The small world, held against its last release, refreshed once."""
    world = make_world(tmp_path_factory.mktemp("small"))
    gate = world.dbt_project_dir / "models" / "gate"
    gate.mkdir()
    for name in ("row_change", "total_change"):
        shutil.copy(ROOT / "dbt_project" / "models" / "gate" / f"{name}.expectations.yml", gate)
    assert refresh(world) == 0
    return world


def _publish(settings: Settings) -> None:
    steps.audit(settings)
    steps.publish(settings)


def _list_releases(settings: Settings) -> list[Path]:
    return sorted((settings.warehouse_dir / "releases").iterdir())


_EXPECTATION = r"expect_column_values_to_be_between\(capacity_gw_base\)"


def _without_expectations(monkeypatch: pytest.MonkeyPatch) -> None:
    run = steps.run_suites

    def run_fewer(connection: Any, suites: Sequence[Suite], *rest: Any) -> list[CheckResult]:
        return run(connection, [replace(item, expectations=()) for item in suites], *rest)

    monkeypatch.setattr(steps, "run_suites", run_fewer)


def _with_expectations_that_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    import great_expectations as gx

    make = gx.ExpectationSuite
    monkeypatch.setattr(gx, "ExpectationSuite", lambda name, expectations: make(name=name))


def _without_results_of_dbt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "load_run_results", lambda settings: [])


def _without_reading_dbt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "read_dbt_tests", lambda *arguments: [])


def _without_one_macro(monkeypatch: pytest.MonkeyPatch) -> None:
    check = release.check_as_of
    monkeypatch.setattr(release, "check_as_of", lambda *arguments: check(*arguments)[:-1])


_TEST = r"core\.dim_deal: accepted_values_dim_deal_capacity_gw_base__4_5__6: "


@pytest.mark.parametrize(
    ("stub", "message"),
    [
        (_without_expectations, rf"{_EXPECTATION}: declared, but it did not run"),
        (_with_expectations_that_are_dropped, rf"{_EXPECTATION}: .*Great Expectations dropped it"),
        (_without_results_of_dbt, rf"{_TEST}it did not run: no result"),
        (_without_reading_dbt, rf"{_TEST}declared, but it did not run"),
        (_without_one_macro, r"equals spend_as_of\(today\): declared, but it did not run"),
    ],
)
def test_each_kind_of_check_really_dropped_fails_the_release(
    small: Settings, monkeypatch: pytest.MonkeyPatch, stub: Callable[..., None], message: str
) -> None:
    before = _list_releases(small)
    stub(monkeypatch)

    with pytest.raises(AuditError, match=message):
        _publish(small)
    assert _list_releases(small) == before


def test_an_expectation_of_unknown_type_fails_the_release(small: Settings) -> None:
    path = small.dbt_project_dir / "models" / "core" / "dim_deal.expectations.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("values_to_be_between", "value_to_be_between"), encoding="utf-8")

    try:
        with pytest.raises(SuiteError, match="expect_column_value_to_be_between is no known"):
            _publish(small)
    finally:
        path.write_text(text, encoding="utf-8")


def test_comparisons_that_were_not_made_fail_the_release(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with steps.open_work(small) as connection:
        connection.execute("drop schema gate cascade")
    monkeypatch.setattr(steps, "build_gate", lambda *arguments, **options: None)

    with pytest.raises(AuditError, match=r"gate\.total_change: the same records and.*did not run"):
        _publish(small)


def test_empty_comparisons_with_a_release_to_compare_with_fail(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = steps.build_gate

    def compare_nothing(connection: duckdb.DuckDBPyConnection, *rest: Any, **options: Any) -> None:
        build(connection, *rest, **options)
        connection.execute("delete from gate.total_change")

    monkeypatch.setattr(steps, "build_gate", compare_nothing)

    with pytest.raises(AuditError, match=r"gate\.total_change: .*examined no row"):
        _publish(small)


def test_a_disabled_test_of_dbt_fails_the_release(
    small: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small.dbt_project_dir / "models" / "core" / "dim_deal.yml"
    text = path.read_text(encoding="utf-8")
    disabled = text.replace("description: The two", "config: {enabled: false}\n"
                            "              description: The two")  # fmt: skip
    path.write_text(disabled, encoding="utf-8")
    before = _list_releases(small)

    assert refresh(small) == 1

    assert "accepted_values_dim_deal_capacity_gw_base__4_5__6: it did not run: it is disabled" in (
        capsys.readouterr().err
    )
    assert _list_releases(small) == before


def test_a_table_may_be_empty_where_its_model_says_so() -> None:
    test = {
        "resource_type": "test",
        "unique_id": "test.t",
        "name": "is_sound",
        "attached_node": "model.m",
        "depends_on": {"nodes": []},
    }
    model = {"resource_type": "model", "schema": "audit", "name": "candidate", "config": {}}

    def list_lenient() -> list[bool]:
        manifest = {"nodes": {"model.m": model, "test.t": test}, "sources": {}}
        return [item.may_be_empty for item in list_declared([], manifest) if "is_sound" in item]

    assert list_lenient() == [False]
    model["config"] = {"meta": {"may_be_empty": True}}
    assert list_lenient() == [True]

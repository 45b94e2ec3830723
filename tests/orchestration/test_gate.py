"""A build is held against the last release: what moved, and whether a record stands behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestration import history
from orchestration.audit.declared import Declared, list_declared
from orchestration.audit.expectations import run_suites
from orchestration.audit.gate import Rules, build_gate, list_excuses
from orchestration.audit.results import AuditError, CheckKind, CheckResult, Severity
from orchestration.audit.suites import load_suites
from orchestration.settings import ROOT
from sources.sql import quote_name

_SUITES = load_suites(ROOT / "dbt_project" / "models" / "gate")
_RECORDS = {
    "deal": "deal",
    "deal_event": "deal",
    "assumption": "assumption",
    "organization": "organization",
}
_CHECK = Declared("core.dim_deal", "expectation", "deals have a name")

_BUILD = """
create schema raw_ledger;
create table raw_ledger.build as select date '2026-11-25' as today;
create table raw_ledger.deal as
select 'deal-' || i as deal_id, 'Deal' as title, 'f' as file, 1 as line from range(40) as t (i);
create table raw_ledger.deal_event as select deal_id, 1.0 as gw, file, line from raw_ledger.deal;
create table raw_ledger.organization as select 'openai' as org_id, 'f' as file, 1 as line;
create table raw_ledger.assumption as select 'cost' as assumption_id, 50 as base, 'f' as file, 1 as line;

create schema core;
create table core.dim_organization as select org_id from raw_ledger.organization;
create table core.fct_deal_event as
select deal_id, date '2026-11-20' as known_on, ['paper'] as source_ids from raw_ledger.deal;
create table core.fct_deal_party as
select deal_id, if(deal_id = 'deal-1', 'xai', 'openai') as org_id from raw_ledger.deal;
create table core.fct_deal_link as select 'deal-2' as deal_id, 'deal-3' as to_deal_id;
create schema marts;
create table marts.capacity_by_customer as
select * from (values ('openai', 'net', 30.0, 20.0, 10.0), ('xai', 'net', 3.0, 2.0, 1.0),
    ('all', 'net', 33.0, 22.0, 11.0), ('openai', 'site', 12.0, 9.0, 8.0))
as t (customer_id, layer, gross_gw_base, total_gw_base, firm_gw_base);
create schema audit;
create table audit.quarantine as select 'typo' as record_id limit 0;
"""

_TABLES = {
    "core.dim_organization": ["source.organization", "source.deal"],
    "core.fct_deal_event": ["source.deal"],
    "marts.capacity_by_customer": ["source.deal", "source.organization"],
    "audit.quarantine": ["source.quarantine"],
}
_VERSIONS = {"duckdb": duckdb.__version__}
_MANIFEST = {
    "nodes": {
        f"model.{table}": {
            "resource_type": "model",
            "schema": table.split(".")[0],
            "name": table.split(".")[1],
            "depends_on": {"nodes": sources},
        }
        for table, sources in _TABLES.items()
    },
    "sources": {
        f"source.{name}": {"name": name} for name in ("deal", "organization", "quarantine")
    },
}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The last release, made of the build as it stands before a test changes it."""
    file = tmp_path / "the release's.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute(_BUILD)
        history.create_tables(connection)
        day = datetime(2026, 11, 25)
        row = history.ReleaseRow("r1", day, "abc", day.date(), "", "", 0, 0, 0, 0, 0)
        history.write_releases(connection, row, previous=None)
        passed = CheckResult(
            _CHECK.table_name, _CHECK.check_name, CheckKind.EXPECTATION, Severity.STOP,
            True, True, 40, 0, None, None, "Because.",
        )  # fmt: skip
        history.write_check_results(connection, "r1", [passed])
        history.write_record_history(
            connection,
            work=quote_name(file.stem),
            previous=None,
            release_id="r1",
            published_at=day,
            records=_RECORDS,
        )
        connection.execute("drop schema raw_ledger cascade")
    folder = tmp_path / "releases" / "r1"
    folder.mkdir(parents=True)
    tables = [{"table": table, "rule_hash": "abc"} for table in _TABLES]
    manifest = {"versions": _VERSIONS, "tables": tables}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return file


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Callable[..., dict[str, CheckResult]]]:
    """Change the build, hold it against the release, and return what each check found."""
    with duckdb.connect(tmp_path / "work.duckdb") as connection:
        connection.execute(_BUILD)

        def run(
            release: Path, *changes: str, rule: str = "abc", check: Declared = _CHECK
        ) -> dict[str, CheckResult]:
            for change in changes:
                connection.execute(change)
            build_gate(
                connection,
                release,
                manifest=_MANIFEST,
                records=_RECORDS,
                declared=[check],
                rules=Rules(dict.fromkeys(_TABLES, rule), _VERSIONS),
            )
            suites = [suite for suite in _SUITES if suite.table != "gate.freshness"]
            results = run_suites(connection, suites, list_excuses(release))
            return {result.check_name: result for result in results}

        yield run


def _list_failed(found: dict[str, CheckResult]) -> dict[str, list[str]]:
    """Return the failed checks with the first value of each row that they show."""
    return {
        name: [str(next(iter(row.values()))) for row in json.loads(result.failing_sample or "[]")]
        for name, result in found.items()
        if not result.is_passed
    }


_SAME_ROWS = "the same records and rules make the same rows"
_SAME_TOTALS = "the same records and rules make the same totals"
_NO_RECORD = "no total moves by a hundredth without a record behind it"
_NO_DOCUMENT = "no total moves by a quarter without a new document"
_MORE_NET = "update marts.capacity_by_customer set total_gw_base = 30 where customer_id = 'openai'"
_EDIT = "update raw_ledger.deal_event set gw = 9 where deal_id = '{}'"
_FOUND = (
    "insert into raw_ledger.organization values ('ssi', 'f', 2);"
    " insert into core.dim_organization values ('ssi')"
)
_CITE = "update core.fct_deal_event set source_ids = ['paper', 'news'] where deal_id = 'deal-5'"


def test_an_unchanged_build_passes_and_every_comparison_saw_it(
    release: Path, audit: Callable
) -> None:
    found = audit(release)

    assert _list_failed(found) == {}
    assert all(result.examined_rows for result in found.values())
    assert all(result.message is None for result in found.values())


def test_without_an_earlier_release_each_comparison_says_so(
    tmp_path: Path, audit: Callable
) -> None:
    found = audit(tmp_path / "none.duckdb")

    assert _list_failed(found) == {}
    for result in found.values():
        assert result.examined_rows == 0
        assert result.message == "nothing to compare: there is no earlier release"
    excused = list_declared(_SUITES, {"nodes": {}}, list_excuses(tmp_path / "none.duckdb"))
    assert {check.table_name for check in excused if check.may_be_empty and "gate" in check[0]} == {
        "gate.row_change", "gate.total_change", "gate.check_change",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "rule", "failed"),
    [
        ([_MORE_NET], "abc", {_SAME_TOTALS: ["net_gw"]}),
        ([_MORE_NET], "def", {_NO_RECORD: ["net_gw"]}),
        # Another customer's deal does not explain it; the customer's own does, or one linked to it.
        ([_MORE_NET, _EDIT.format("deal-1")], "abc", {_SAME_TOTALS: ["net_gw"]}),
        ([_MORE_NET, _EDIT.format("deal-5")], "abc", {_NO_DOCUMENT: ["net_gw"]}),
        ([_MORE_NET, _EDIT.format("deal-5"), _CITE], "abc", {}),
        (
            ["delete from core.fct_deal_event where deal_id = 'deal-7'"],
            "abc",
            {_SAME_ROWS: ["core.fct_deal_event"]},
        ),
        (
            ["delete from core.fct_deal_event where deal_id not like '%9'"],
            "def",
            {
                "no table moves by a twentieth without a record behind it": ["core.fct_deal_event"],
                "no table loses a fifth of its rows": ["core.fct_deal_event"],
            },
        ),
        (
            ["delete from raw_ledger.deal", "delete from raw_ledger.deal_event",
             "delete from core.fct_deal_event"],
            "def",
            {
                "no table loses a fifth of its rows": ["core.fct_deal_event"],
                "no table becomes empty": ["core.fct_deal_event"],
            },
        ),
        (
            ["delete from marts.capacity_by_customer where customer_id = 'xai'"],
            "abc",
            {_SAME_ROWS: ["marts.capacity_by_customer"],
             _SAME_TOTALS: ["gross_gw", "net_gw", "firm_gw"]},
        ),
        # A new organisation is a row and moves no total.
        ([_FOUND], "abc", {}),
        ([_FOUND, _MORE_NET], "abc", {_SAME_TOTALS: ["net_gw"]}),
        # What is no accepted record moves by itself.
        (["insert into audit.quarantine values ('typo')"], "abc", {}),
        # A day later one event has become known.
        (
            ["update raw_ledger.build set today = '2026-11-26'",
             "update core.fct_deal_event set known_on = '2026-11-26' where deal_id = 'deal-5'",
             _MORE_NET, _CITE],
            "abc",
            {},
        ),
    ],
    ids=[
        "no record", "other rules", "another customer's record", "record without document",
        "record and document", "one row", "rule drops rows", "records and rows gone",
        "customer gone", "organisation founded", "total beside a new organisation", "quarantined", "known since",
    ],
)  # fmt: skip
def test_what_moved_fails_unless_a_record_explains_it(
    release: Path, audit: Callable, changes: list[str], rule: str, failed: dict[str, list[str]]
) -> None:
    found = _list_failed(audit(release, *changes, rule=rule))

    assert {name: sorted(rows) for name, rows in found.items()} == {
        name: sorted(rows) for name, rows in failed.items()
    }


def test_a_check_that_fell_out_is_told(release: Path, audit: Callable) -> None:
    found = audit(release, check=_CHECK._replace(check_name="another"))

    assert list(_list_failed(found)) == ["every check of the last release is declared still"]
    shown = found["every check of the last release is declared still"].failing_sample
    assert "deals have a name" in (shown or "")


def test_a_release_that_cannot_be_read_stops_the_audit(tmp_path: Path, audit: Callable) -> None:
    (tmp_path / "torn.duckdb").write_bytes(b"torn" * 5000)

    with pytest.raises(AuditError, match="the last release cannot be compared with"):
        audit(tmp_path / "torn.duckdb")


@pytest.mark.parametrize(("day", "is_stale"), [("2026-10-30", False), ("2026-10-20", True)])
def test_old_news_is_told(tmp_path: Path, day: str, is_stale: bool) -> None:
    with duckdb.connect(tmp_path / "work.duckdb") as connection:
        connection.execute(_BUILD)
        # One that is yet to come is no news.
        connection.execute(
            f"update core.fct_deal_event set known_on = if(deal_id = 'deal-1', '2026-12-31', '{day}')"
        )
        build_gate(
            connection, tmp_path / "none", manifest=_MANIFEST, records=_RECORDS, declared=[],
            rules=Rules({}, {}),
        )  # fmt: skip
        suites = [suite for suite in _SUITES if suite.table == "gate.freshness"]
        found = {result.check_name: result for result in run_suites(connection, suites)}

    result = found["news of deals is not older than a month"]
    assert result.is_passed is not is_stale
    assert not result.is_blocking
    # A kind that was not looked at is no kind that is fresh.
    assert found["documents are not older than six weeks"].is_blocking is False
    assert not found["documents are not older than six weeks"].is_passed

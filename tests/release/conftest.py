"""A small work database of the shape that a build leaves, and a warehouse to publish it to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.audit.declared import Declared, list_declared
from orchestration.audit.results import CheckKind, CheckResult, Severity, write_results
from orchestration.hashes import InputFile
from orchestration.release import Origin, Release, publish_release

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

_SCHEMA = """
create schema raw_ledger;
create table raw_ledger.build as select date '2026-11-25' as today;
create table raw_ledger.deal (deal_id varchar, title varchar, file varchar, line integer);
create table raw_ledger.deal_event (
    deal_id varchar, event_seq integer, known_on varchar, file varchar, line integer
);
create table raw_ledger.quarantine (record_kind varchar, record_id varchar);
create table raw_ledger.input_count (record_kind varchar, received bigint);
insert into raw_ledger.deal values
    ('oracle', 'Oracle', 'deals/oracle.yml', 1), ('amd', 'AMD', 'deals/amd.yml', 1);
insert into raw_ledger.deal_event values
    ('oracle', 1, '2025-07', 'deals/oracle.yml', 5), ('amd', 1, '2025-10-06', 'deals/amd.yml', 5);
insert into raw_ledger.quarantine values ('deal', 'typo');
insert into raw_ledger.input_count values ('deal', 3);

create schema core;
create table core.dim_deal (
    deal_id varchar not null, capacity_gw_base decimal(18, 9), source_ids varchar[]
);
insert into core.dim_deal values ('oracle', 4.5, ['a', 'b']), ('amd', 6, ['c']);
comment on table core.dim_deal is 'One row per deal: the buyer''s view.';
comment on column core.dim_deal.capacity_gw_base is 'Contracted capacity.';

create schema marts;
create table marts.capacity_by_customer as
select 'openai' as customer_id, sum(capacity_gw_base) as gross_gw_base from core.dim_deal;
create table marts.spend_by_customer as select 'openai' as customer_id, 0.0 as usd;
create table marts.capital_loops as select 'loop-1' as loop_id limit 0;

create schema audit;
create table audit.quarantine as select * from raw_ledger.quarantine;

create macro deals_as_of(day) as table select * from core.dim_deal;
create macro capacity_as_of(day) as table
    with recursive step as (
        select 1 as depth union all select depth + 1 from step where depth < 3
    )
    select 'openai' as customer_id, sum(capacity_gw_base) as gross_gw_base
    from deals_as_of(day) where (select max(depth) from step) = 3;
comment on macro table capacity_as_of is 'One row per customer: as known on the customer''s day.';
create macro spend_as_of(day) as table select * from marts.spend_by_customer;
create macro loops_as_of(day) as table select * from marts.capital_loops;
"""


def make_result(*, is_passed: bool = True, severity: Severity = Severity.STOP) -> CheckResult:
    """What one check of core.dim_deal found."""
    return CheckResult(
        table_name="core.dim_deal",
        check_name="expect_column_values_to_not_be_null(deal_id)",
        check_kind=CheckKind.EXPECTATION,
        severity=severity,
        is_executed=True,
        is_passed=is_passed,
        examined_rows=2,
        failed_rows=0 if is_passed else 1,
        failing_sample=None if is_passed else '[{"deal_id": null}]',
        message=None if is_passed else "rows break it",
        why="A deal has a name.",
    )


_DECLARED = {
    Declared("core.dim_deal", "expectation", "expect_column_values_to_not_be_null(deal_id)"),
    *list_declared([], {"nodes": {}}),
}


def make_origin(**changes: Any) -> Origin:
    """What the release says it was made from."""
    origin = Origin(
        git_revision=None,
        versions={"duckdb": duckdb.__version__},
        inputs=[InputFile("deals/oracle.yml", 10, "ab" * 32)],
        records={"deal": "deal", "deal_event": "deal"},
        declared=frozenset(_DECLARED),
        keys={"core.dim_deal": ("deal_id",)},
    )
    return replace(origin, **changes)


def make_warehouse(folder: Path) -> Path:
    """Make a warehouse folder that is empty but for a checked build in its work folder."""
    (folder / "work").mkdir(parents=True)
    with duckdb.connect(folder / "work" / "gigaledger.duckdb") as connection:
        connection.execute(_SCHEMA)
        write_results(connection, [make_result()])
    return folder


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """An empty warehouse folder, with a checked build in its work folder."""
    return make_warehouse(tmp_path / "ware house's")


@pytest.fixture
def change_work(warehouse: Path) -> Callable[[str], None]:
    """Run SQL on the work database."""

    def run(sql: str) -> None:
        with duckdb.connect(warehouse / "work" / "gigaledger.duckdb") as connection:
            connection.execute(sql)

    return run


@pytest.fixture
def publish(warehouse: Path) -> Callable[..., Release]:
    """Publish the work database."""

    def run(*, now: datetime = NOON, threads: int = 2, **changes: Any) -> Release:
        return publish_release(
            warehouse / "work" / "gigaledger.duckdb",
            warehouse,
            make_origin(**changes),
            now=now,
            threads=threads,
        )

    return run

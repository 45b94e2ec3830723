"""The expectation files as blocking asset checks: one for each table, its rows in the UI."""

import contextlib
from collections.abc import Iterator, Sequence

import dagster as dg

from orchestration import steps
from orchestration.assets import WAREHOUSE_TEAM
from orchestration.audit.gate import SCHEMA
from orchestration.audit.results import AuditError, CheckKind, CheckResult, Severity, describe
from orchestration.audit.suites import load_suites
from orchestration.resources import WAREHOUSE_POOL, Workshop
from orchestration.settings import Settings

CHECK_NAME = "expectations"

_GATE = {
    "row_change": "Each published table: its rows in the last release and now.",
    "total_change": "Each headline total of a customer or month: in the last release and now.",
    "check_change": "Each check of the last release: whether it is declared still.",
    "freshness": "Each kind of record: its newest day, and how long ago that is.",
}


def list_gate() -> list[dg.AssetSpec]:
    """Return the tables that a build is held against; the audit makes them, no asset of their own."""
    return [
        dg.AssetSpec(
            [SCHEMA, table],
            group_name=SCHEMA,
            kinds={"duckdb"},
            owners=[WAREHOUSE_TEAM],
            description=description,
        )
        for table, description in _GATE.items()
    ]


def make_checks(settings: Settings, published: Sequence[dg.AssetKey]) -> dg.AssetChecksDefinition:
    """Return the audit of the build: every expectation file, in one step."""
    tables = [suite.table for suite in load_suites(settings.dbt_project_dir / "models")]
    specs = [
        dg.AssetCheckSpec(
            name=CHECK_NAME,
            asset=dg.AssetKey(table.split(".")),
            additional_deps=[key for key in published if key.path != table.split(".")],
            blocking=True,
            description="The expectations that stand beside the model.",
        )
        for table in tables
    ]

    @dg.multi_asset_check(
        name="audit",
        specs=specs,
        can_subset=True,
        required_resource_keys={"workshop"},
        pool=WAREHOUSE_POOL,
    )
    def audit(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        """Run the expectations and keep what they and dbt's tests found.

        All of them always run, whatever a person picked: a part would not be an audit.
        """
        workshop: Workshop = context.resources.workshop
        with workshop.step("check the tables with Great Expectations"):
            results = workshop.results = steps.audit(workshop.settings)
        for key in sorted(context.selected_asset_check_keys):
            table = ".".join(key.asset_key.path)
            found = [
                result
                for result in results
                if result.table_name == table and result.check_kind is CheckKind.EXPECTATION
            ]
            yield _tell(key.asset_key, found)

    return audit


@contextlib.contextmanager
def show_failed_rows() -> Iterator[None]:
    """Put the rows that stop a release, if a check does, before whoever opens the run in the UI."""
    try:
        yield
    except AuditError as error:
        raise dg.Failure(str(error), metadata=_show(error.results)) from error


def _show(failed: Sequence[CheckResult]) -> dict[str, dg.TableMetadataValue]:
    return {"what failed": dg.MetadataValue.table(_list_failed(failed))} if failed else {}


def _tell(key: dg.AssetKey, results: Sequence[CheckResult]) -> dg.AssetCheckResult:
    failed = [result for result in results if not result.is_passed]
    is_blocking = any(result.is_blocking for result in failed)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK_NAME,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if is_blocking else dg.AssetCheckSeverity.WARN,
        description="; ".join(describe(result) for result in failed) or None,
        metadata={
            "declared": len(results),
            "failed": len(failed),
            **_show(failed),
        },
    )


def _list_failed(failed: Sequence[CheckResult]) -> list[dg.TableRecord]:
    return [
        dg.TableRecord(
            {
                "table": result.table_name,
                "check": result.check_name,
                "severity": Severity(result.severity).value,
                "message": result.message or "",
                "failed rows": result.failed_rows,
                "some of them": result.failing_sample or "",
                "why": result.why,
            }
        )
        for result in failed
    ]

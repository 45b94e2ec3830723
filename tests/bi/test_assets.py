"""The dashboard's file agrees with the models; that Superset draws it is shown by `make bi-test`."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bi.assets import HERE, MODELS, label, read_units

BOARD = yaml.safe_load((HERE / "dashboard.yml").read_text("utf-8"))
CHARTS: dict[str, Any] = BOARD["charts"]
# Written by a release, not by a model.
OTHER = "audit.release"


def _columns(table: str) -> set[str]:
    layer, _, name = table.partition(".")
    (path,) = (MODELS / layer).rglob(f"{name}.yml")
    (model,) = yaml.safe_load(path.read_text("utf-8"))["models"]
    return {column["name"] for column in model["columns"]}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_shows_columns_and_figures_that_its_table_has(name: str) -> None:
    table, params = CHARTS[name]["table"], CHARTS[name]["params"]
    if table == OTHER:
        return
    metrics = {*params.get("metrics", []), params.get("metric")} - {None}
    assert metrics <= {f"max_{column}" for column in read_units()[table]}
    shown = {*params.get("all_columns", []), *params.get("groupby", []), params.get("x_axis")}
    assert shown - {None} <= _columns(table)


def test_every_chart_has_one_place() -> None:
    placed = [name for row in BOARD["rows"] for cell in row["charts"] for name in cell]
    assert sorted(placed) == sorted(CHARTS)
    widths = [
        sum(width for cell in row["charts"] for width in cell.values()) for row in BOARD["rows"]
    ]
    assert set(widths) == {12}


def test_the_exposure_names_what_the_dashboard_shows() -> None:
    file = MODELS / "marts" / "_dashboard__exposures.yml"
    (exposure,) = yaml.safe_load(file.read_text("utf-8"))["exposures"]
    tables = {chart["table"] for chart in CHARTS.values()} - {OTHER}
    assert exposure["depends_on"] == [f"ref('{table.split('.')[1]}')" for table in sorted(tables)]


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        ("total_gw_low", "Total GW (low)"),
        ("announced_usd_base", "Announced USD"),
        ("is_overdue", "Overdue"),
        ("customer_id", "Customer"),
        ("tokens_per_month_high", "Tokens per month (high)"),
    ],
)
def test_a_column_has_a_name_that_a_person_reads(column: str, shown: str) -> None:
    assert label(column) == shown

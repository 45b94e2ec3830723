"""Turns dashboard.yml and a release into what Superset imports: a database, datasets, charts.

Datasets are made of the release itself, so that they have the columns that are there, with the
descriptions that the file holds. The unit of a column comes from its model's YAML in dbt.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import yaml

HERE = Path(__file__).parent
MODELS = HERE.parent / "dbt_project" / "models"
_SCHEMAS = ("marts", "core", "audit")
_VERSION = "1.0.0"
_SMART = "SMART_NUMBER"

# How D3 writes a figure of a unit.
_FORMATS = {
    "count": ",d",
    "days": ",d",
    "gw": ",.2f",
    "share": ".1%",
    "tokens": _SMART,
    "tokens_per_month": _SMART,
    "usd": _SMART,
    "usd_per_gw": _SMART,
}
_WORDS = {
    "gw": "GW",
    "usd": "USD",
    "hhi": "HHI",
    "cik": "CIK",
    "url": "address",
    "org": "organisation",
}

_TABLES = """
select schema_name, table_name, comment from duckdb_tables()
where database_name = current_database() and list_contains(?, schema_name)
order by schema_name, table_name
"""
_COLUMNS = """
select column_name, data_type, comment from duckdb_columns()
where database_name = current_database() and schema_name = ? and table_name = ?
order by column_index
"""

Asset = dict[str, Any]


def build_assets(release: Path) -> dict[str, str]:
    """Return the files of an import by their path.

    Raises:
        duckdb.Error: the release cannot be read.
        ValueError: a chart names a table that the release does not have.
    """
    board = yaml.safe_load((HERE / "dashboard.yml").read_text("utf-8"))
    units = read_units()
    with duckdb.connect(str(release), read_only=True) as connection:
        datasets = {asset_table(asset): asset for asset in _build_datasets(connection, units)}
    charts = {}
    for name, chart in board["charts"].items():
        table = chart["table"]
        if table not in datasets:
            raise ValueError(f"bi/dashboard.yml: {name} shows {table}, which no release has")
        charts[name] = _build_chart(name, chart, datasets[table], units.get(table, {}))
    files: dict[str, Asset] = {
        "metadata.yaml": {"version": _VERSION, "type": "assets"},
        "databases/gigaledger.yaml": _build_database(release),
        **{f"datasets/{table}.yaml": asset for table, asset in datasets.items()},
        **{f"charts/{name}.yaml": asset for name, asset in charts.items()},
        "dashboards/gigaledger.yaml": _build_dashboard(board, charts),
    }
    return {path: yaml.safe_dump(asset, sort_keys=False) for path, asset in files.items()}


def asset_table(dataset: Asset) -> str:
    """Return the table that a dataset shows, with its schema."""
    return f"{dataset['schema']}.{dataset['table_name']}"


def read_units() -> dict[str, dict[str, str]]:
    """Return the units that dbt's YAML states, by table and column."""
    units = {}
    for path in sorted(MODELS.rglob("*.yml")):
        layer = path.relative_to(MODELS).parts[0]
        for model in (yaml.safe_load(path.read_text("utf-8")) or {}).get("models", []):
            columns = model.get("columns", [])
            units[f"{layer}.{model['name']}"] = {
                column["name"]: meta["unit"]
                for column in columns
                if "unit" in (meta := column.get("config", {}).get("meta", {}))
            }
    return units


def label(column: str) -> str:
    """Return the name of a column as a person reads it: total_gw_low is Total GW (low)."""
    stem, bound = re.fullmatch(r"(.+?)(?:_(low|base|high))?", column).groups()  # type: ignore[union-attr]
    stem = re.sub(r"^(is|has)_|_id$", "", stem)
    words = " ".join(_WORDS.get(word, word) for word in stem.split("_"))
    return f"{words[0].upper()}{words[1:]}{f' ({bound})' if bound in ('low', 'high') else ''}"


def _build_database(release: Path) -> Asset:
    # A process that reads the file while a release is published goes on with the old one until
    # it has closed it; Superset opens it anew for each query (its NullPool).
    options = {"read_only": True, "config": {"enable_external_access": "false"}}
    return {
        "database_name": "Gigaledger",
        "sqlalchemy_uri": f"duckdb:///{release}",
        "expose_in_sqllab": True,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"engine_params": {"connect_args": options}},
        **_identify("database"),
    }


def _build_datasets(
    connection: duckdb.DuckDBPyConnection, units: Mapping[str, Mapping[str, str]]
) -> Iterator[Asset]:
    tables = connection.execute(_TABLES, [list(_SCHEMAS)]).fetchall()
    for schema, name, text in tables:
        table = f"{schema}.{name}"
        of_table = units.get(table, {})
        columns = connection.execute(_COLUMNS, [schema, name]).fetchall()
        yield {
            "table_name": name,
            "schema": schema,
            "description": text,
            "columns": [
                {
                    "column_name": column,
                    "verbose_name": label(column),
                    "description": meaning,
                    "type": kind,
                    "is_dttm": kind in ("DATE", "TIMESTAMP"),
                    "groupby": True,
                    "filterable": True,
                }
                for column, kind, meaning in columns
            ],
            "metrics": [
                {
                    "metric_name": f"max_{column}",
                    "verbose_name": label(column),
                    "expression": f"max({column})",
                    "description": meaning,
                    "d3format": _FORMATS.get(of_table[column]),
                }
                for column, _, meaning in columns
                if column in of_table
            ],
            "database_uuid": _identify("database")["uuid"],
            **_identify(table),
        }


def _build_chart(name: str, chart: Asset, dataset: Asset, units: Mapping[str, str]) -> Asset:
    params = dict(chart["params"])
    if chart["kind"] == "table":
        shown = params["all_columns"]
        formats = {column: _FORMATS.get(units[column]) for column in shown if column in units}
        params |= {
            "query_mode": "raw",
            "row_limit": 1000,
            "server_page_length": 10,
            "show_cell_bars": False,
            "table_timestamp_format": "%Y-%m-%d",
            "column_config": {
                column: {"d3NumberFormat": d3} for column, d3 in formats.items() if d3
            },
        }
    if chart["kind"] == "big_number_total":
        params |= {"header_font_size": 0.3, "subheader_font_size": 0.15}
    if where := chart.get("where"):
        condition = {"clause": "WHERE", "expressionType": "SQL", "sqlExpression": where}
        params["adhoc_filters"] = [condition]
    return {
        "slice_name": chart["title"],
        "viz_type": chart["kind"],
        "params": params,
        "dataset_uuid": dataset["uuid"],
        **_identify(f"chart/{name}"),
    }


def _build_dashboard(board: Asset, charts: Mapping[str, Asset]) -> Asset:
    rows = [f"ROW-{number}" for number in range(len(board["rows"]))]
    position: Asset = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": rows, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": board["title"]}},
    }
    for row_id, row in zip(rows, board["rows"], strict=True):
        cells = [cell for part in row["charts"] for cell in part.items()]
        position[row_id] = {
            "id": row_id,
            "type": "ROW",
            "children": [f"CHART-{name}" for name, _ in cells],
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for name, width in cells:
            meta = {"uuid": charts[name]["uuid"], "sliceName": charts[name]["slice_name"]}
            position[f"CHART-{name}"] = {
                "id": f"CHART-{name}",
                "type": "CHART",
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", row_id],
                # Superset finds the chart by its uuid and puts its own number here.
                "meta": {**meta, "chartId": 0, "width": width, "height": row["height"]},
            }
    return {
        "dashboard_title": board["title"],
        "slug": board["slug"],
        "published": True,
        "position": position,
        "metadata": {"refresh_frequency": 0},
        **_identify("dashboard"),
    }


def _identify(name: str) -> dict[str, str]:
    """Return what tells an asset from others, the same in every import."""
    return {"uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"gigaledger/{name}")), "version": _VERSION}

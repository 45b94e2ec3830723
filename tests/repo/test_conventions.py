"""The project's conventions, held by tests: layers, portability, documentation, what may be in git."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "dbt_project" / "models"
MACROS = ROOT / "dbt_project" / "macros"
SQL = sorted(MODELS.rglob("*.sql"))

# Spelled otherwise, or missing, on another engine: these go through a dispatched macro.
ONE_ENGINE_ONLY = re.compile(
    r"\b(list_\w+|list\s*\(|unnest|flatten|array_agg|struct_pack|strftime|date_diff|date_add|"
    r"epoch\w*|asof|exclude\s*\(|replace\s*\(|try_cast|read_\w+|generate_series|range\s*\(|"
    r"arg_max|arg_min|any_value|string_agg|md5\w*|hash\s*\(|regexp_\w+|position\s*\(|qualify|"
    r"ignore\s+nulls|filter\s*\(\s*where|(?:group|order)\s+by\s+all|using\s+sample|interval|"
    r"string_split|quantile\w*|make_date|to_days|unpivot|pivot)\b|::|//|\bas\s+materialized",
    re.IGNORECASE,
)


def _without_jinja(text: str) -> str:
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
    text = re.sub(r"--[^\n]*", " ", text)
    return re.sub(r"'[^']*'", "''", text)


def _layer(path: Path) -> str:
    return path.relative_to(MODELS).parts[0]


def _ids(path: Path) -> str:
    return str(path.relative_to(MODELS))


@pytest.mark.parametrize("path", SQL, ids=_ids)
def test_only_staging_reads_raw(path: Path) -> None:
    if "source(" in path.read_text() and _layer(path) not in {"staging", "audit"}:
        pytest.fail(f"{path.name} reads a raw table: read the staging model instead")


@pytest.mark.parametrize("path", [path for path in SQL if _layer(path) != "as_of"], ids=_ids)
def test_models_hold_nothing_of_one_engine(path: Path) -> None:
    found = ONE_ENGINE_ONLY.findall(_without_jinja(path.read_text()))
    assert not found, f"use a dispatched macro of macros/portable.sql instead of {found}"


@pytest.mark.parametrize("path", sorted(MACROS.glob("*.sql")), ids=lambda path: path.name)
def test_macros_hold_nothing_of_one_engine_but_where_they_are_dispatched(path: Path) -> None:
    # A macro of one engine is a line; the materialization of table macros is DuckDB's by its head.
    text = re.sub(
        r"\{% macro (?:duckdb|default)__.*?endmacro %\}", " ", path.read_text(), flags=re.DOTALL
    )
    text = re.sub(r"\{% materialization .*?endmaterialization %\}", " ", text, flags=re.DOTALL)
    found = ONE_ENGINE_ONLY.findall(_without_jinja(text))
    assert not found, f"use a dispatched macro of macros/portable.sql instead of {found}"


@pytest.mark.parametrize("path", SQL, ids=_ids)
def test_a_layer_reads_only_from_below(path: Path) -> None:
    order = ["staging", "intermediate", "core", "marts", "audit", "as_of"]
    homes = {model.stem: _layer(model) for model in SQL}
    read = set(re.findall(r"(?:ref|published)\('(\w+)'\)", path.read_text()))
    assert read <= set(homes), f"unknown models {read - set(homes)}"
    # Panels and schedules are made of core facts, so intermediate may read core, never marts.
    allowed = order[: order.index(_layer(path)) + 1]
    if _layer(path) == "intermediate":
        allowed.append("core")
    assert {homes[name] for name in read} <= set(allowed)


@pytest.mark.parametrize("path", SQL, ids=_ids)
def test_every_model_is_described_beside_itself(path: Path) -> None:
    described = yaml.safe_load(path.with_suffix(".yml").read_text())["models"]
    assert [model["name"] for model in described] == [path.stem]
    description = " ".join(described[0]["description"].split())
    if _layer(path) != "as_of":
        assert description.startswith("One row "), "the first sentence is the grain"


def test_published_tables_have_expectations() -> None:
    published = {path for path in SQL if _layer(path) in {"core", "marts"}}
    missing = {
        path.stem for path in published if not path.with_suffix(".expectations.yml").exists()
    }
    assert not missing


def test_numbers_name_their_unit_in_name_and_meta() -> None:
    units = {"_gw": "gw", "_usd": "usd", "_days": "days", "_tokens_per_month": "tokens_per_month"}
    for path in SQL:
        if _layer(path) not in {"core", "marts"}:
            continue
        columns = yaml.safe_load(path.with_suffix(".yml").read_text())["models"][0]["columns"]
        for column in columns:
            stem = re.sub(r"_(low|base|high)$", "", column["name"])
            for suffix, unit in units.items():
                if stem.endswith(suffix) or stem == suffix[1:]:
                    meta = column.get("meta", column.get("config", {}).get("meta", {}))
                    assert meta.get("unit") == unit, f"{path.stem}.{column['name']}"


def _tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in listing.split("\0") if name]


def test_nothing_of_one_machine_is_in_git() -> None:
    machine = re.compile(r"(^|[\s\"'=(])/(home|root|tmp|work|Users)/\w|BEGIN [A-Z ]*PRIVATE KEY")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _tracked()
        if path.suffix in {".py", ".sql", ".yml", ".yaml", ".toml", ".txt", ".md", ".cfg", ""}
        and path != Path(__file__)
        and path.is_file()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if machine.search(line)
    ]
    assert not found


def test_sources_never_import_dagster() -> None:
    importing = [
        path.relative_to(ROOT)
        for path in (ROOT / "sources").rglob("*.py")
        if re.search(r"^\s*(import|from) (dagster|orchestration)", path.read_text(), re.MULTILINE)
    ]
    assert not importing


def _anchors(page: Path) -> set[str]:
    """The anchors that a reader's browser knows: those of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda path: path.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^<)\s:]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link

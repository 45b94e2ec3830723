"""Data Docs: every check of a release as one HTML page, with the rows that failed.

What an expectation means is put in words by Great Expectations' own renderer. Its page is not used:
it fetches scripts and styles from six other sites, draws its tables with them, and writes the values
of failing rows into the page as they are. This page needs no other file and runs no script.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from jinja2 import Environment, FileSystemLoader

from orchestration.audit.expectations import build_expectation
from orchestration.audit.results import CheckResult
from orchestration.audit.suites import Suite

FOLDER = "data_docs"
_TEMPLATE = "data_docs.html.j2"
_RENDERER = "atomic.prescriptive.summary"

Texts = Mapping[tuple[str, str], str]
"""What a check means, by the names of its table and of the check."""


def describe_suites(suites: Iterable[Suite]) -> dict[tuple[str, str], str]:
    """Return what each expectation means, in the words of Great Expectations."""
    from great_expectations.expectations import registry

    texts = {}
    for suite in suites:
        for position, declared in enumerate(suite.expectations):
            expectation = build_expectation(suite, position, declared)
            render = registry.get_renderer_impl(declared.type, _RENDERER)
            if render is None:
                continue
            text = _fill(render[1](configuration=expectation.configuration).to_json_dict()["value"])
            if declared.row_condition:
                text += f" (where {declared.row_condition})"
            texts[suite.table, declared.name] = text
    return texts


def _fill(rendered: Mapping[str, Any]) -> str:
    template = rendered.get("template") or rendered["code_block"]["code_template_str"]
    values = {name: _spell(entry["value"]) for name, entry in rendered["params"].items()}
    return Template(template).safe_substitute(values)


def _spell(value: object) -> object:
    return f"{value:,.10g}" if isinstance(value, float) else value


def write_data_docs(
    folder: Path,
    title: str,
    facts: Mapping[str, object],
    results: Sequence[CheckResult],
    texts: Texts,
) -> None:
    """Write the page into a folder, as `index.html`.

    Args:
        folder: made when absent.
        title: what was checked.
        facts: what else is to be said of it, by name.
        results: what the checks found.
        texts: what the checks mean, as far as that is not in their names.
    """
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    ordered = sorted(results, key=lambda result: (result.table_name, result.check_kind))
    page = environment.get_template(_TEMPLATE).render(
        title=title,
        facts=dict(facts) | _count(results),
        failed=sorted(
            (result for result in ordered if not result.is_passed),
            key=lambda result: not result.is_blocking,
        ),
        tables=[
            (table, list(group))
            for table, group in itertools.groupby(ordered, lambda result: result.table_name)
        ],
        texts=texts,
        list_rows=_list_rows,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(page, encoding="utf-8", errors="replace")


def _count(results: Sequence[CheckResult]) -> dict[str, int]:
    return {
        "checks": len(results),
        "passed": sum(result.is_passed for result in results),
        "warnings": sum(not result.is_passed and not result.is_blocking for result in results),
        "stop the release": sum(result.is_blocking for result in results),
    }


def _list_rows(result: CheckResult) -> list[dict[str, Any]]:
    """Return the failing rows that are shown, each by the names of its columns."""
    rows = json.loads(result.failing_sample or "[]")
    return [row if isinstance(row, dict) else {"value": row} for row in rows]

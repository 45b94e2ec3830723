"""Reads the expectation files that stand beside the models.

A file that cannot be understood to the last word raises: an expectation that is dropped in silence
would look like one that passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orchestration.audit.results import Severity

SUFFIX = ".expectations.yml"

_SUITE_FIELDS = {"table", "key", "may_be_empty", "expectations"}
_OWN_FIELDS = {"type", "name", "severity", "why", "may_be_empty", "row_condition"}
# What an expectation is about, in the order in which its name mentions it.
_SUBJECTS = ("column", "column_A", "column_B", "column_list")


class SuiteError(Exception):
    """An expectation file cannot be understood; the message names it and says what to do."""


@dataclass(frozen=True)
class Expectation:
    """One expectation, as its file declares it."""

    name: str
    type: str
    arguments: Mapping[str, Any]
    severity: Severity
    why: str
    may_be_empty: bool
    """Whether the expectation may have no row to examine."""
    row_condition: str | None
    """SQL that picks the rows it is about; all rows when it is None."""


@dataclass(frozen=True)
class Suite:
    """The expectations of one table."""

    table: str
    key: tuple[str, ...]
    """Columns that name a failing row."""
    may_be_empty: bool
    """Whether the table may have no row."""
    expectations: tuple[Expectation, ...]
    file: Path


class _StrictLoader(yaml.CSafeLoader):
    """Refuses a key that stands twice, of which YAML readers keep the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]  # type: ignore[no-untyped-call]
        for key in keys:
            if keys.count(key) > 1:
                line = node.start_mark.line + 1
                raise SuiteError(f"line {line}: {key!r} stands twice; keep one of them")
        return super().construct_mapping(node, deep)


def load_suites(models_dir: Path) -> list[Suite]:
    """Return the suite of every expectation file under a folder, in the order of tables.

    Raises:
        SuiteError: when a file cannot be understood, or a table has two.
    """
    suites = [load_suite(path) for path in sorted(models_dir.rglob(f"*{SUFFIX}"))]
    files: dict[str, Path] = {}
    for suite in suites:
        if suite.table in files:
            raise SuiteError(f"{suite.file}: {suite.table} has one already, {files[suite.table]}")
        files[suite.table] = suite.file
    return sorted(suites, key=lambda suite: suite.table)


def load_suite(path: Path) -> Suite:
    """Read one expectation file.

    Raises:
        SuiteError: when it cannot be understood.
    """
    try:
        content = yaml.load(path.read_bytes(), _StrictLoader)
        return _read_suite(content, path)
    except (SuiteError, yaml.YAMLError) as error:
        raise SuiteError(f"{path}: {error}") from error


def _read_suite(content: Any, path: Path) -> Suite:
    _require_mapping(content, "the file", _SUITE_FIELDS)
    table = content.get("table")
    name = path.name.removesuffix(SUFFIX)
    if not isinstance(table, str) or table.split(".")[1:] != [name]:
        raise SuiteError(f"table: found {table!r}; write the schema and {name}, as core.{name}")
    key = content.get("key")
    if not _is_list_of_text(key):
        raise SuiteError(f"key: found {key!r}; list the columns that name a row")
    may_be_empty = _read_flag(content, "may_be_empty", default=False)
    declared = content.get("expectations")
    if not isinstance(declared, list) or not declared:
        raise SuiteError("expectations: there is none; list at least one, or delete the file")
    taken: set[str] = set()
    expectations = []
    for position, entry in enumerate(declared, start=1):
        try:
            expectation = _read_expectation(entry, may_be_empty, taken)
        except SuiteError as error:
            raise SuiteError(f"expectation {position}: {error}") from None
        taken.add(expectation.name)
        expectations.append(expectation)
    return Suite(table, tuple(key), may_be_empty, tuple(expectations), path)


def _read_expectation(entry: Any, may_be_empty: bool, taken: set[str]) -> Expectation:
    _require_mapping(entry, "it", None)
    kind = entry.get("type")
    if not isinstance(kind, str):
        raise SuiteError(f"type: found {kind!r}; name an expectation of Great Expectations")
    severity = entry.get("severity")
    if severity not in list(Severity):
        raise SuiteError(f"severity: found {severity!r}; allowed are {', '.join(Severity)}")
    why = entry.get("why")
    if not isinstance(why, str) or not why.strip():
        raise SuiteError("why: there is none; give the reason in the world")
    condition = entry.get("row_condition")
    if condition is not None and not isinstance(condition, str):
        raise SuiteError(f"row_condition: found {condition!r}; write SQL that picks the rows")
    arguments = {key: value for key, value in entry.items() if key not in _OWN_FIELDS}
    return Expectation(
        name=_name_expectation(entry, taken),
        type=kind,
        arguments=arguments,
        severity=Severity(severity),
        why=" ".join(why.split()),
        may_be_empty=_read_flag(entry, "may_be_empty", default=may_be_empty),
        row_condition=condition,
    )


def _name_expectation(entry: Mapping[str, Any], taken: set[str]) -> str:
    """Return the stated name, or the type and its columns, numbered when that is taken."""
    stated = entry.get("name")
    if stated is not None:
        if not isinstance(stated, str) or stated in taken:
            raise SuiteError(f"name: found {stated!r}; write a text that no other has")
        return stated
    subjects: list[str] = []
    for field in _SUBJECTS:
        value = entry.get(field, [])
        subjects += value if isinstance(value, list) else [value]
    base = f"{entry['type']}({', '.join(map(str, subjects))})" if subjects else entry["type"]
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base} {number}"
    return str(name)


def _require_mapping(content: Any, what: str, allowed: Iterable[str] | None) -> None:
    if not isinstance(content, dict):
        raise SuiteError(f"{what} is no mapping; see another {SUFFIX} file")
    unknown = sorted(set(map(str, content)) - set(allowed)) if allowed else []
    if unknown:
        raise SuiteError(f"unknown: {', '.join(unknown)}; allowed are {', '.join(sorted(allowed))}")


def _read_flag(content: Mapping[str, Any], field: str, *, default: bool) -> bool:
    value = content.get(field, default)
    if not isinstance(value, bool):
        raise SuiteError(f"{field}: found {value!r}; write true or false")
    return value


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)

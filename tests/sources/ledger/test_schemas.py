"""The JSON Schemas are those of the models and hold the ledger good."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import sources.ledger
from sources.ledger.parse import FOLDERS, load_yaml
from sources.ledger.schemas import list_stale_schemas, make_schemas, write_schemas

LEDGER = Path(sources.ledger.__file__).parent


def test_the_committed_schemas_are_fresh() -> None:
    assert list_stale_schemas() == [], "renew them with `python -m sources.ledger schemas`"


def test_every_field_has_a_text_for_the_editor() -> None:
    for name, text in make_schemas().items():
        schema = json.loads(text)
        for part in (schema, *schema.get("$defs", {}).values()):
            assert part["description"]
            for field, described in part.get("properties", {}).items():
                assert described.get("description"), (name, part["title"], field)


def test_words_are_completed_with_their_meanings() -> None:
    schema = json.loads(make_schemas()["deal.schema.json"])
    kind = schema["properties"]["kind"]
    assert (
        dict(zip(kind["enum"], kind["markdownEnumDescriptions"], strict=True))["cloud_services"]
        == "compute is rented as a service"
    )


def test_writing_renews_only_what_is_stale(tmp_path: Path) -> None:
    assert len(write_schemas(tmp_path)) == len(FOLDERS)
    assert write_schemas(tmp_path) == []
    (tmp_path / "deal.schema.json").write_text("{}")
    assert [path.name for path in list_stale_schemas(tmp_path)] == ["deal.schema.json"]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_editor_finds_no_fault_with_the_ledger(folder: str) -> None:
    for path in sorted((LEDGER / folder).glob("*.yml")):
        first_line = path.read_text(encoding="utf-8").splitlines()[0]
        name = first_line.rpartition("/schemas/")[2]
        assert first_line == f"# yaml-language-server: $schema=../schemas/{name}"
        schema = json.loads((LEDGER / "schemas" / name).read_text(encoding="utf-8"))
        validator = jsonschema.Draft202012Validator(schema)
        errors = list(validator.iter_errors(_plain(load_yaml(path.read_bytes()))))
        assert not errors, (path.name, errors[0].message)

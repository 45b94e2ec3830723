"""The JSON Schemas are those of the models and hold the ledger good."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import sources.ledger
from sources.ledger.parse import FOLDERS, MODELS, load_yaml
from sources.ledger.reference import make_reference
from sources.ledger.schemas import make_schemas
from sources.ledger.vocabulary import list_words

LEDGER = Path(sources.ledger.__file__).parent


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


def test_the_reference_tells_every_field_word_and_rule() -> None:
    text = make_reference()
    for model in MODELS.values():
        assert f"### {model.__name__}" in text
    for row in list_words():
        assert f"| `{row.word}` | {row.rank} | {row.meaning} |" in text
    for rule in ("part_of_cycle", "gigawatts", "document_described_twice"):
        assert f"| `{rule}` |" in text


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

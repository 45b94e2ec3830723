"""The JSON Schemas by which an editor completes and checks ledger files, made from the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, create_model

from sources.ledger import models
from sources.ledger.parse import FOLDERS, MODELS

SCHEMA_DIR = Path(__file__).parent / "schemas"

_DOCUMENTS = Field(description="The documents first cited here, each described once.")

# The schema of a folder's files, by the name that their first line gives.
_SCHEMA_NAMES = {"deals": "deal", "organizations": "organization", "claims": "claim"}


def make_schemas() -> dict[str, str]:
    """Return the text of each schema by its file name."""
    return {
        f"{_SCHEMA_NAMES.get(folder, folder)}.schema.json": _make_schema(folder)
        for folder in FOLDERS
    }


def _make_schema(folder: str) -> str:
    kind, list_key = FOLDERS[folder]
    model = MODELS[kind]
    fields: dict[str, Any] = {}
    if list_key is not None:
        described = Field(min_length=1, description=f"One item a record. {model.__doc__}")
        fields[list_key] = (Annotated[tuple[model, ...], described], ...)  # type: ignore[valid-type]
    if list_key != "documents" and folder != "organizations":
        fields["documents"] = (
            Annotated[tuple[models.Document, ...] | None, _DOCUMENTS],
            None,
        )
    file_model = create_model(
        f"{folder.capitalize()}File",
        __base__=model if list_key is None else models.LedgerModel,
        __doc__=model.__doc__ if list_key is None else f"A file of {folder}.",
        **fields,
    )
    schema = file_model.model_json_schema(by_alias=True)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"

"""The shape of a model as plain data: which fields, of which form, nested how.

One walk over the pydantic fields serves all that is generated from them: the types with which
DuckDB reads a file, and the checks of bulk files.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from annotated_types import MinLen

from sources.ledger import models
from sources.ledger.forms import Form
from sources.ledger.vocabulary import Vocabulary


@dataclass(frozen=True)
class Field:
    """A field of a record. It holds a form or a word, or a mapping, or a list of either."""

    name: str
    is_required: bool
    is_list: bool = False
    min_length: int = 0
    form: Form | None = None
    words: type[Vocabulary] | None = None
    model: type[models.LedgerModel] | None = None
    is_number_or_mapping: bool = False


@dataclass(frozen=True)
class Shape:
    """The fields of a model, in order."""

    fields: tuple[Field, ...]


@cache
def read_shape(model: type[models.LedgerModel]) -> Shape:
    """Return the shape of a model."""
    hints = typing.get_type_hints(model, include_extras=True)
    return Shape(
        tuple(
            _read_field(info.alias or name, info.is_required(), hints[name])
            for name, info in model.model_fields.items()
        )
    )


def _read_field(name: str, is_required: bool, hint: Any) -> Field:
    parts: dict[str, Any] = {}
    _collect(hint, parts)
    return Field(name=name, is_required=is_required, **parts)


def _collect(hint: Any, parts: dict[str, Any]) -> None:
    origin = typing.get_origin(hint)
    if origin is Annotated:
        inner, *marks = typing.get_args(hint)
        for mark in marks:
            if isinstance(mark, Form):
                parts["form"] = mark
            elif isinstance(mark, models.NumberOrMapping):
                parts["is_number_or_mapping"] = True
            for constraint in getattr(mark, "metadata", ()):
                if isinstance(constraint, MinLen):
                    parts["min_length"] = constraint.min_length
        _collect(inner, parts)
    elif origin in (typing.Union, types.UnionType):
        for option in typing.get_args(hint):
            if option is not type(None):
                _collect(option, parts)
    elif origin is tuple:
        parts["is_list"] = True
        _collect(typing.get_args(hint)[0], parts)
    elif issubclass(hint, Vocabulary):
        parts["words"] = hint
    elif issubclass(hint, models.LedgerModel):
        parts["model"] = hint

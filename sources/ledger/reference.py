"""The reference page of the ledger: every field, word and rule, made from where they are stated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sources.ledger import checks, models, plausibility
from sources.ledger.forms import Form
from sources.ledger.parse import FOLDERS, MODELS
from sources.ledger.rules import WARN, Rule
from sources.ledger.shapes import Field, read_shape
from sources.ledger.vocabulary import VOCABULARIES, Vocabulary

REFERENCE_PATH = Path(__file__).parents[2] / "docs" / "ledger-reference.md"

_HEAD = """\
# Ledger reference

Made from `sources/ledger/models.py`, `vocabulary.py`, `forms.py`, `checks.py` and
`plausibility.py` by `make schemas`; edit those. How to add a deal or a news item is told in [ledger.md](ledger.md).
"""


def make_reference() -> str:
    """Return the text of the page."""
    return "\n".join((_HEAD, *_fields(), *_words(), *_rules()))


def _row(*cells: str) -> str:
    return "| " + " | ".join(re.sub(r"([|<])", r"\\\1", cell) for cell in cells) + " |"


def _table(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield "|" + " --- |" * len(names)


def _summary(described: type) -> str:
    return (described.__doc__ or "").split("\n")[0]


def _fields() -> Iterator[str]:
    yield "## Fields\n"
    yield "A field in bold must be given.\n"
    seen: set[type[models.LedgerModel]] = set()
    for folder, (kind, list_key) in FOLDERS.items():
        place = f"`{folder}/`" + (f", in the list `{list_key}`" if list_key else ", one file each")
        yield from _model_fields(MODELS[kind], place, seen)


def _model_fields(
    model: type[models.LedgerModel], place: str, seen: set[type[models.LedgerModel]]
) -> Iterator[str]:
    if model in seen:
        return
    seen.add(model)
    yield f"### {model.__name__}\n"
    yield f"{_summary(model)} {f'({place})' if place else ''}".rstrip() + "\n"
    yield from _table("field", "holds", "meaning")
    shape = read_shape(model)
    for field, info in zip(shape.fields, model.model_fields.values(), strict=True):
        name = f"**{field.name}**" if field.is_required else field.name
        yield _row(name, _holds(field), info.description or "")
    yield ""
    for field in shape.fields:
        if field.model is not None:
            yield from _model_fields(field.model, "", seen)


def _holds(field: Field) -> str:
    if field.model is not None:
        inner = f"[{field.model.__name__}](#{field.model.__name__.lower()})"
        if field.is_number_or_mapping:
            inner = f"a number, or {inner}"
    elif field.words is not None:
        name = _word_list(field.words)
        inner = f"[{name}](#{name})"
    elif field.form is not None:
        inner = field.form.rule
    else:
        inner = "text"
    return f"list of {inner}" if field.is_list else inner


def _word_list(words: type[Vocabulary]) -> str:
    return next(name for name, own in VOCABULARIES.items() if own is words)


def _words() -> Iterator[str]:
    yield "## Words\n"
    yield "Closed lists; they stand in `raw_ledger.vocabulary` under these names.\n"
    for name, words in VOCABULARIES.items():
        yield f"### {name}\n"
        yield f"{_summary(words)}\n"
        yield from _table("word", "rank", "meaning")
        for word in words:
            yield _row(f"`{word.value}`", str(word.rank), word.meaning)
        yield ""


def _rules() -> Iterator[str]:
    yield "## Rules\n"
    yield "### Of one value\n"
    yield "What breaks one of these is refused and goes to the quarantine.\n"
    yield from _table("rule", "allowed", "remedy")
    for form in sorted(_list_forms(), key=lambda form: (form.rule, form.allowed)):
        yield _row(f"`{form.rule}`", form.allowed, form.remedy)
    yield "\n### Between fields and between records\n"
    yield "Quarantine: the record is refused. Warn: it stays, and stands in `raw_ledger.warning`.\n"
    yield from _table("rule", "of", "then", "what is said", "remedy")
    for name, rules in _list_rules().items():
        first = rules[0]
        kinds = ", ".join(dict.fromkeys(rule.record_kind for rule in rules))
        then = "warn" if first.severity == WARN else "quarantine"
        said = first.message.replace("{found}", "…")
        yield _row(f"`{name}`", kinds, then, said, first.remedy)
    yield ""


def _list_forms() -> set[Form]:
    forms: set[Form] = set()
    waiting: list[type[models.LedgerModel]] = list(MODELS.values())
    while waiting:
        for field in read_shape(waiting.pop()).fields:
            if field.form is not None:
                forms.add(field.form)
            if field.model is not None:
                waiting.append(field.model)
    return forms


def _list_rules() -> dict[str, list[Rule]]:
    by_name: dict[str, list[Rule]] = {}
    for rules in (
        checks.RECORD_RULES,
        checks.DUPLICATE_RULES,
        checks.REFERENCE_RULES,
        checks.SCENARIO_RULES,
        *checks.LINK_RULES,
        checks.WARNING_RULES,
        plausibility.WARNING_RULES,
    ):
        for rule in rules:
            by_name.setdefault(rule.name, []).append(rule)
    return by_name

"""Bytes of a ledger file in; accepted records and refusals out. Pure: no clock, no files.

Judgements made here:

- YAML is read by the YAML 1.2 core schema: `on`, `no` and `NO` are text, `2025-10-06` is text,
  `480e12` and `1_000` are a number and text, `12:30` is text. libyaml scans, the resolution is ours.
- Repeated keys, anchors, aliases, tags, directives and a second document are refused: each lets a
  file say something else than a reader sees.
- A record is refused whole, never repaired. A file of several records loses only the broken ones;
  a file that is no YAML loses all, and counts as one record received and refused.
- A document at the foot of a deal or claim is a record of its own and outlives a refused deal.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from sources.ledger import models
from sources.ledger.shapes import read_shape

# libyaml is ten times faster; the scanner in Python gives the same events where it is missing.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_DEPTH = 12
MAX_RAW_TEXT = 4_000


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a record was not accepted (`stop`), or what is odd about an accepted one (`warn`)."""

    record_kind: str
    record_id: str | None
    file: str
    line: int
    field: str | None
    rule: str
    severity: str
    raw_text: str | None
    message: str
    remedy: str
    record_line: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """An accepted record with its origin."""

    kind: str
    id: str
    file: str
    line: int
    last_line: int
    model: models.LedgerModel
    tree: Mapping


@dataclass(frozen=True)
class ParsedFile:
    """What a file held. `refused_count` counts records; one record may have several refusals."""

    records: tuple[Record, ...]
    refusals: tuple[Refusal, ...]
    refused_count: dict[str, int]


class Folder(NamedTuple):
    """A folder of the ledger: the kind of its records, and the key of their list in a file."""

    kind: str
    list_key: str | None


FOLDERS = {
    "organizations": Folder("organization", None),
    "documents": Folder("document", "documents"),
    "deals": Folder("deal", None),
    "claims": Folder("claim", None),
    "assumptions": Folder("assumption", "assumptions"),
    "scenarios": Folder("scenario", "scenarios"),
    "tokens": Folder("token_observation", "observations"),
    "capex": Folder("capex", "rows"),
}

MODELS: dict[str, type[models.LedgerModel]] = {
    "organization": models.Organization,
    "document": models.Document,
    "deal": models.Deal,
    "claim": models.Claim,
    "assumption": models.Assumption,
    "scenario": models.ScenarioMetric,
    "token_observation": models.TokenObservation,
    "capex": models.CapexRow,
}

ID_FIELDS = {kind: "metric" if kind == "scenario" else "id" for kind in MODELS}


class Mapping(dict[str, Any]):
    """A mapping of a file that knows its lines (from 1) and those of its keys."""

    __slots__ = ("key_lines", "last_line", "line")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.last_line = line
        self.key_lines: dict[str, int] = {}


class Sequence(list[Any]):
    """A list of a file that knows the line of each item."""

    __slots__ = ("item_lines", "line")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.item_lines: list[int] = []


class YamlRefused(Exception):
    """A file that cannot be read as one YAML 1.2 document of plain data."""

    def __init__(self, line: int, rule: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line = line
        self.rule = rule
        self.message = message
        self.remedy = remedy


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_NUMBER_STARTS = frozenset("0123456789+-.")


def resolve_plain(text: str) -> str | Decimal | bool | None:
    """Return the value of a plain scalar by the YAML 1.2 core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_STARTS:
        if _DECIMAL.fullmatch(text):
            return Decimal(text)
        if _OCTAL_OR_HEX.fullmatch(text):
            return Decimal(int(text, 0))
        if _NOT_FINITE.fullmatch(text):
            return Decimal(text.replace(".", ""))
    return text


def load_yaml(data: bytes) -> Any:
    """Read one YAML 1.2 document of plain data, every mapping with its lines.

    Raises:
        YamlRefused: when the bytes are no such document.
    """
    _refuse_characters(data)
    try:
        # Without an end of line the last block would seem to end a line too early.
        loader = _Loader(data if data.endswith(b"\n") else data + b"\n")
        try:
            return _build(loader)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error).split("\n")[0]
        raise YamlRefused(
            line, "broken_yaml", f"not YAML: {problem}", "correct the line, or the one above it"
        ) from error


# libyaml counts these as line ends (YAML 1.1), YAML 1.2 does not: the lines would be wrong.
_LINE_ENDS = ("\x85", "\u2028", "\u2029")


def _refuse_characters(data: bytes) -> None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlRefused(
            data.count(b"\n", 0, error.start) + 1,
            "encoding",
            f"byte {error.start} is not UTF-8",
            "save the file as UTF-8",
        ) from error
    if text.isascii() and "\x00" not in text:
        return
    for character in ("\x00", *_LINE_ENDS):
        place = text.find(character)
        if place >= 0:
            raise YamlRefused(
                text.count("\n", 0, place) + 1,
                "character",
                f"found the character U+{ord(character):04X}",
                "delete it",
            )


def _build(loader: Any) -> Any:
    """Build the document from the events of the scanner; a loop, so that depth costs no stack."""
    document_seen = False
    root: Any = None
    stack: list[Mapping | Sequence] = []
    keys: list[str | None] = []
    flows: list[bool] = []
    while True:
        event = loader.get_event()
        kind = event.__class__
        line = event.start_mark.line + 1
        if kind is yaml.ScalarEvent:
            _refuse_indirection(event, line)
            if stack and keys[-1] is None and isinstance(stack[-1], Mapping):
                _open_key(stack[-1], event.value, line)
                keys[-1] = event.value
                continue
            value = resolve_plain(event.value) if event.implicit[0] else event.value
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            _refuse_indirection(event, line)
            if stack and keys[-1] is None and isinstance(stack[-1], Mapping):
                raise YamlRefused(line, "key", "a key is a list or mapping", "use a word as key")
            value = Mapping(line) if kind is yaml.MappingStartEvent else Sequence(line)
            if len(stack) >= MAX_DEPTH:
                raise YamlRefused(
                    line,
                    "depth",
                    f"nested more than {MAX_DEPTH} deep",
                    "no record of the ledger is that deep: flatten it",
                )
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            closed = stack.pop()
            keys.pop()
            is_flow = flows.pop()
            if isinstance(closed, Mapping):
                # A block ends on the line before the next token, {...} on the line of its brace.
                closed.last_line = max(closed.line, event.end_mark.line + is_flow)
            continue
        elif kind is yaml.DocumentStartEvent:
            if document_seen:
                raise YamlRefused(
                    line, "documents", "a second document begins", "one document a file: cut at ---"
                )
            if event.version or event.tags:
                raise YamlRefused(line, "directive", "found a % directive", "delete the line")
            document_seen = True
            continue
        elif kind is yaml.AliasEvent:
            raise YamlRefused(line, "alias", f"found the alias *{event.anchor}", "write it out")
        elif kind is yaml.StreamEndEvent:
            break
        else:
            continue

        if not stack:
            root = value
        elif isinstance(stack[-1], Mapping):
            stack[-1][keys[-1] or ""] = value
            keys[-1] = None
        else:
            stack[-1].append(value)
            stack[-1].item_lines.append(line)
        if isinstance(value, Mapping | Sequence):
            stack.append(value)
            keys.append(None)
            flows.append(bool(event.flow_style))
    if root is None:
        raise YamlRefused(1, "empty", "the file holds nothing", "fill it, or delete the file")
    return root


def _refuse_indirection(event: Any, line: int) -> None:
    if event.anchor is not None:
        raise YamlRefused(line, "anchor", f"found the anchor &{event.anchor}", "delete it")
    if event.tag is not None:
        raise YamlRefused(line, "tag", f"found the tag {event.tag}", "delete it")


def _open_key(mapping: Mapping, key: str, line: int) -> None:
    first = mapping.key_lines.get(key)
    if first is not None:
        raise YamlRefused(
            line,
            "duplicate_key",
            f"the key {key!r} stands in line {first} already",
            "keep one of the two",
        )
    mapping.key_lines[key] = line


def parse_file(data: bytes, *, file: str, folder: str) -> ParsedFile:
    """Read a file of the ledger: `file` is its path inside the ledger, `folder` its folder."""
    kind, list_key = FOLDERS[folder]
    stem = file.rsplit("/", 1)[-1].removesuffix(".yml")
    reader = _Reader(file, data)
    try:
        tree = load_yaml(data)
    except YamlRefused as error:
        record_id = stem if list_key is None else None
        reader.refuse_part(
            kind, record_id, error.line, None, error.rule, error.message, error.remedy
        )
        return reader.finish()
    if not isinstance(tree, Mapping):
        reader.refuse_part(
            kind, None, 1, None, "mapping", "the file is no mapping", "begin it with `key: value`"
        )
        return reader.finish()
    if list_key is None:
        own = Mapping(tree.line)
        own.last_line = tree.last_line
        own.key_lines = tree.key_lines
        own.update(tree)
        documents = own.pop("documents", None)
        reader.read_record(kind, own, tree.line, stem)
        if documents is not None:
            reader.read_list("document", documents, tree.key_lines["documents"], "documents")
        return reader.finish()
    allowed = f"{list_key}, documents"
    if list_key not in tree:
        reader.refuse_part(
            kind,
            None,
            tree.line,
            list_key,
            "missing_field",
            f"the list {list_key!r} is missing; found {', '.join(tree) or 'nothing'}",
            f"begin the list with `{list_key}:`",
        )
        return reader.finish()
    for key, value in tree.items():
        if key in (list_key, "documents"):
            reader.read_list(
                kind if key == list_key else "document", value, tree.key_lines[key], key
            )
        else:
            reader.refuse_part(
                kind,
                None,
                tree.key_lines[key],
                key,
                "unknown_field",
                f"found the field {key!r}; allowed are {allowed}",
                "delete it, or put it into a record",
            )
    return reader.finish()


class _Reader:
    """Collects records and refusals of one file."""

    def __init__(self, file: str, data: bytes) -> None:
        self._file = file
        self._data = data
        self._records: list[Record] = []
        self._refusals: list[Refusal] = []
        self._refused: dict[str, int] = {}

    def finish(self) -> ParsedFile:
        """Return what was collected."""
        return ParsedFile(tuple(self._records), tuple(self._refusals), self._refused)

    def refuse_part(
        self,
        kind: str,
        record_id: str | None,
        line: int,
        field: str | None,
        rule: str,
        message: str,
        remedy: str,
    ) -> None:
        """Refuse a file, or a part of it that is no record of its own."""
        self._refused[kind] = self._refused.get(kind, 0) + 1
        self._refusals.append(
            Refusal(
                record_kind=kind,
                record_id=record_id,
                file=self._file,
                line=line,
                field=field,
                rule=rule,
                severity="stop",
                raw_text=cut_lines(self._data, max(1, line - 2), line + 2),
                message=message,
                remedy=remedy,
                record_line=line,
            )
        )

    def read_list(self, kind: str, items: Any, line: int, key: str) -> None:
        """Read a list of records."""
        if not isinstance(items, Sequence):
            found = "nothing" if items is None else "something else"
            self.refuse_part(
                kind,
                None,
                line,
                key,
                "list",
                f"{key!r} must hold a list, found {found}",
                f"begin each item under `{key}:` with `- `",
            )
            return
        for item, item_line in zip(items, items.item_lines, strict=True):
            self.read_record(kind, item, item_line, None)

    def read_record(self, kind: str, tree: Any, line: int, stem: str | None) -> None:
        """Read one record; `stem` is the file name that its id must equal, if it has its own."""
        if not isinstance(tree, Mapping):
            self.refuse_part(
                kind,
                stem,
                line,
                None,
                "mapping",
                "a record must be a mapping",
                "write its fields as `key: value`",
            )
            return
        raw_id = tree.get(ID_FIELDS[kind])
        record_id = raw_id if isinstance(raw_id, str) else stem
        problems: list[_Problem] = []
        model: models.LedgerModel | None = None
        try:
            model = MODELS[kind].model_validate(tree)
        except ValidationError as error:
            problems += _list_problems(error, tree, MODELS[kind])
        if stem is not None and isinstance(raw_id, str) and raw_id != stem:
            problems.append(
                _Problem(
                    tree.key_lines["id"],
                    "id",
                    "id_is_file_name",
                    f"found {raw_id!r} in the file {stem}.yml",
                    "give the file the name of the id, or the id the name of the file",
                )
            )
        if model is not None and not problems:
            self._records.append(
                Record(
                    kind=kind,
                    id=str(record_id),
                    file=self._file,
                    line=line,
                    last_line=tree.last_line,
                    model=model,
                    tree=tree,
                )
            )
            return
        self._refused[kind] = self._refused.get(kind, 0) + 1
        raw_text = cut_lines(self._data, line, tree.last_line)
        self._refusals += [
            Refusal(
                record_kind=kind,
                record_id=record_id,
                file=self._file,
                line=problem.line,
                field=problem.field,
                rule=problem.rule,
                severity="stop",
                raw_text=raw_text,
                message=problem.message,
                remedy=problem.remedy,
                record_line=line,
            )
            for problem in sorted(problems)
        ]


class _Problem(NamedTuple):
    line: int
    field: str
    rule: str
    message: str
    remedy: str


# How pydantic's own errors read in the ledger: rule, message, remedy.
_STRUCTURE_ERRORS = {
    "missing": ("missing_field", "the field is missing", "add it"),
    "model_type": ("mapping", "must be a mapping", "write its fields as `key: value`"),
    "tuple_type": ("list", "must be a list", "begin each item with `- `, or write [a, b]"),
    "too_short": ("empty_list", "the list is empty", "give at least one item"),
}


def _list_problems(
    error: ValidationError, tree: Mapping, model: type[models.LedgerModel]
) -> Iterator[_Problem]:
    for detail in error.errors(include_url=False):
        path = detail["loc"]
        if detail["type"] == "too_short" and detail["input"]:
            # pydantic counts the good items only; the bad ones are told of one by one.
            continue
        context = detail.get("ctx", {})
        line = _find_line(tree, path)
        field = _name_field(path)
        if detail["type"] == "extra_forbidden":
            allowed = list_fields(model, path[:-1])
            near = difflib.get_close_matches(str(path[-1]), allowed, n=1)
            rule = "unknown_field"
            message = f"there is no such field; allowed are {', '.join(allowed)}"
            remedy = f"did you mean {near[0]}?" if near else "delete it, or say it in a note"
        elif detail["input"] is None and detail["type"] != "missing" and "rule" not in context:
            rule, message, remedy = "missing_field", "the field is empty", "fill it"
        elif detail["type"] in _STRUCTURE_ERRORS:
            rule, message, remedy = _STRUCTURE_ERRORS[detail["type"]]
        else:
            rule = context.get("rule", detail["type"])
            message = context.get("message", detail["msg"])
            remedy = context.get("remedy", "correct the value")
        yield _Problem(line, field, rule, message, remedy)


def _find_line(tree: Mapping, path: tuple[int | str, ...]) -> int:
    """Return the line of the deepest part of `path` that the file holds."""
    line = tree.line
    node: Any = tree
    for step in path:
        if isinstance(node, Mapping) and step in node:
            line = node.key_lines[str(step)]
            node = node[str(step)]
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node):
            line = node.item_lines[step]
            node = node[step]
        else:
            break
    return line


def _name_field(path: tuple[int | str, ...]) -> str:
    """Return `path` as events[1].capacity_gw, items counted from 0."""
    name = ""
    for step in path:
        name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else step
    return name


def list_fields(model: type[models.LedgerModel], path: tuple[int | str, ...]) -> list[str]:
    """Return the names of the fields allowed at `path` below `model`."""
    for step in path:
        if isinstance(step, str):
            inner = _inner_models(model).get(step)
            if inner is None:
                return []
            model = inner
    return [info.alias or name for name, info in model.model_fields.items()]


@cache
def _inner_models(model: type[models.LedgerModel]) -> dict[str, type[models.LedgerModel]]:
    return {
        field.name: field.model for field in read_shape(model).fields if field.model is not None
    }


def cut_lines(data: bytes, first: int, last: int) -> str:
    """Return the lines `first` to `last` of a file as text of bounded length."""
    lines = data.split(b"\n")[first - 1 : last]
    text = b"\n".join(lines).decode("utf-8", "replace").replace("\x00", "\ufffd")
    return text if len(text) <= MAX_RAW_TEXT else text[:MAX_RAW_TEXT] + "\n[cut]"

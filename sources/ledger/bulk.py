"""Records in bulk: JSON Lines and Parquet, read and checked by DuckDB without a loop over rows.

A bulk file stands in the ledger folder itself, as deals.jsonl or deals.parquet, one record a line
or row, of the same nested form as the YAML. Judgements made here:

- A line that is no JSON, a field that is not in the model (filled or not) and a value of another
  shape (a text for a list) refuse the record that has it.
- A number may stand in quotes; that keeps more than 15 digits exact.
- A float of Parquet is rounded to the decimals of its column, since it cannot help having more;
  more decimals in text are refused, as in YAML.
- Of two equal keys in a line one wins, as in every JSON reader.
- A column of Parquet that is not in the model refuses the rows in which it is filled.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from sources.ledger import models
from sources.ledger.flatten import read_number_or_mapping
from sources.ledger.forms import BooleanForm, DateForm, NumberForm, TextForm
from sources.ledger.rules import STOP, Rule, run_rules
from sources.ledger.shapes import Field, Shape, read_shape
from sources.sql import quote_text

# A line of JSON may hold a long deal; DuckDB's own limit for a line is 2 MB.
_MAX_LINE_BYTES = 16 * 1024 * 1024
_MAX_BAD_BYTES = 4_000


@dataclass(frozen=True)
class Part:
    """A relation of received records of one kind that came in one way.

    `raw_text` is SQL over it for what came in; `objects` are what it is built from.
    """

    kind: str
    relation: str
    is_bulk: bool
    raw_text: str
    objects: tuple[str, ...] = ()

    def drop(self, connection: DuckDBPyConnection) -> None:
        """Drop the temporary tables and views of the part."""
        for name in self.objects:
            connection.execute(f"drop {name}")


@dataclass(frozen=True, kw_only=True)
class BulkFile:
    """A file of records of one kind; they are numbered upwards from `offset`."""

    path: Path
    kind: str
    model: type[models.LedgerModel]
    id_field: str
    offset: int


def json_structure(shape: Shape, *, with_line: bool = False) -> dict[str, Any]:
    """Return the structure by which DuckDB reads a record from JSON: all leaves as text."""
    structure = {field.name: _field_structure(field) for field in shape.fields}
    if with_line:
        structure["line"] = "VARCHAR"
    return structure


def _field_structure(field: Field) -> Any:
    if field.is_number_or_mapping:
        return "JSON"
    if field.model is None:
        return ["VARCHAR"] if field.is_list else "VARCHAR"
    inner = json_structure(read_shape(field.model), with_line=field.is_list)
    return [inner] if field.is_list else inner


def struct_type(model: type[models.LedgerModel], *, with_line: bool = False) -> str:
    """Return the SQL type of a record whose leaves are text."""
    columns = [
        f'"{name}" {inner}'
        for name, inner in ((field.name, _field_type(field)) for field in read_shape(model).fields)
    ]
    if with_line:
        columns.append('"line" varchar')
    return f"struct({', '.join(columns)})"


def _field_type(field: Field) -> str:
    if field.is_number_or_mapping:
        return "json"
    inner = "varchar" if field.model is None else struct_type(field.model, with_line=field.is_list)
    return f"{inner}[]" if field.is_list else inner


def form_rules(
    kind: str, model: type[models.LedgerModel], relation: str, id_field: str
) -> Iterator[Rule]:
    """Yield the rules that the forms and words of a model put on a relation of records."""
    top = (
        f"select record_number, file, line, cast(record.{id_field} as varchar) as record_id,"
        f" '' as path, record as item from {relation} where record is not null and record_number"
        f" not in (select record_number from refused where record_kind = '{kind}')"
    )
    yield from _level_rules(kind, read_shape(model), top)


def _level_rules(kind: str, shape: Shape, relation: str) -> Iterator[Rule]:
    lists: list[tuple[str, str, Field]] = []
    yield from _field_rules(kind, shape, relation, "item", "", "true", lists)
    for expression, name, field in lists:
        if field.model is None:
            continue
        below = f"""
            select
                record_number, file,
                coalesce(try_cast(item.line as integer), line) as line, record_id,
                path || '[' || (place - 1) || '].' as path, item
            from (
                select
                    record_number, file, line, record_id,
                    path || {quote_text(name)} as path,
                    unnest({expression}) as item,
                    generate_subscripts({expression}, 1) as place
                from ({relation})
            )
        """
        yield from _level_rules(kind, read_shape(field.model), below)


def _field_rules(
    kind: str,
    shape: Shape,
    relation: str,
    item: str,
    prefix: str,
    present: str,
    lists: list[tuple[str, str, Field]],
) -> Iterator[Rule]:
    """Yield the rules of the fields of a mapping, of mappings inside it, not of lists' items."""
    for field in shape.fields:
        name = f"{prefix}{field.name}"
        value = f'{item}."{field.name}"'
        if field.is_number_or_mapping:
            value = read_number_or_mapping(value)
        named = f"path || {quote_text(name)}"
        if field.is_required:
            yield Rule(
                name="missing_field",
                record_kind=kind,
                relation=relation,
                breaks=f"{present} and {value} is null",
                field=named,
                message="the field is missing",
                remedy="add it",
            )
        if field.min_length:
            yield Rule(
                name="empty_list",
                record_kind=kind,
                relation=relation,
                breaks=f"len({value}) < {field.min_length}",
                field=named,
                message="the list is empty",
                remedy="give at least one item",
            )
        if field.is_list:
            lists.append((value, name, field))
        if field.form is not None:
            rule, allowed, remedy = field.form.rule, field.form.allowed, field.form.remedy
            holds = field.form.sql_holds("x" if field.is_list else value)
        elif field.words is not None:
            rule, allowed = "unknown_word", "one of " + ", ".join(field.words)
            remedy = "use one of these words"
            words = ", ".join(quote_text(word) for word in field.words)
            holds = f"cast({'x' if field.is_list else value} as varchar) in ({words})"
        else:
            if field.model is not None and not field.is_list:
                yield from _field_rules(
                    kind,
                    read_shape(field.model),
                    relation,
                    value,
                    f"{name}.",
                    f"{value} is not null",
                    lists,
                )
            continue
        wrong = f"list_filter({value}, lambda x: not coalesce({holds}, false))"
        yield Rule(
            name=rule,
            record_kind=kind,
            relation=relation,
            breaks=f"len({wrong}) > 0" if field.is_list else f"{value} is not null and not {holds}",
            field=named,
            found=f"left(cast({f'{wrong}[1]' if field.is_list else value} as varchar), 80)",
            message=f"found {{found}}; allowed is {allowed}",
            remedy=remedy,
        )


def _read_lines(connection: DuckDBPyConnection, path: Path, table: str) -> None:
    """Read each line of a file as a numbered text: a CSV whose one delimiter never occurs."""
    connection.execute(
        f"""
        create or replace temp table {table} as
        select row_number() over () as number, text
        from read_csv(
            ?, columns = {{'text': 'VARCHAR'}}, header = false, auto_detect = false,
            delim = e'\\x01\\x02\\x01\\x03', quote = '', escape = '', strict_mode = false,
            max_line_size = {_MAX_LINE_BYTES}
        )
        """,
        [str(path)],
    )


def _is_readable(path: Path) -> bool:
    """Say whether DuckDB can read the lines of a file: UTF-8, and none too long."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while chunk := file.read(_MAX_LINE_BYTES // 2):
            # A line that is too long covers a whole chunk.
            if b"\n" not in chunk and len(chunk) == _MAX_LINE_BYTES // 2:
                return False
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return False
    return True


def _mend(path: Path, scratch: str) -> Path:
    """Write a copy in which each line that cannot be read is cut to a text that is no JSON.

    So it is refused like other lines that are none, and the rest of the file is read.
    """
    copy = Path(scratch) / path.name
    with path.open("rb") as source, copy.open("wb") as target:
        for line in source:
            try:
                line.decode("utf-8")
                is_bad = len(line) > _MAX_LINE_BYTES // 2
            except UnicodeDecodeError:
                is_bad = True
            if is_bad:
                text = line[:_MAX_BAD_BYTES].decode("utf-8", "replace").strip("\r\n")
                line = f"\ufffd{text}\n".encode()
            target.write(line)
    return copy


def receive_json_lines(connection: DuckDBPyConnection, file: BulkFile) -> list[Part]:
    """Read a JSON Lines file into parts: its records, and the documents at their foot."""
    lines = f"bulk_lines_{file.kind}"
    with TemporaryDirectory(prefix="ledger-") as scratch:
        _read_lines(
            connection, file.path if _is_readable(file.path) else _mend(file.path, scratch), lines
        )
    numbered = f"""
        select number + {file.offset} as record_number, {quote_text(file.path.name)} as file,
            cast(number as integer) as line, text
        from {lines}
        where text is not null and length(trim(text)) > 0
    """
    run_rules(
        connection,
        [
            Rule(
                name="broken_json",
                record_kind=file.kind,
                relation=f"select *, null as record_id from ({numbered})",
                breaks="not json_valid(text) or json_type(text) <> 'OBJECT'",
                message="the line is no JSON object in UTF-8",
                remedy='write one record a line, as {"id": ...}',
            )
        ],
    )
    shape = _with_documents(file.kind, read_shape(file.model))
    readable = f"""
        select * from ({numbered})
        where record_number not in (
            select record_number from refused where record_kind = '{file.kind}'
        )
    """
    _refuse_structures(connection, file.kind, shape, readable, file.id_field)
    structure = quote_text(json.dumps(json_structure(shape)))
    part = f"part_{file.kind}_json_lines"
    connection.execute(
        f"""
        create or replace temp table {part} as
        select
            record_number, file, line,
            case when json_valid(text) and json_type(text) = 'OBJECT'
                then from_json(text, {structure}) end as record,
            text as raw_text
        from ({numbered})
        """
    )
    connection.execute(f"drop table {lines}")
    parts = [Part(file.kind, part, is_bulk=True, raw_text="raw_text", objects=(f"table {part}",))]
    if file.kind in ("deal", "claim"):
        parts.insert(0, _foot_part(connection, part, file.offset))
    return parts


def _with_documents(kind: str, shape: Shape) -> Shape:
    """Deals and claims may carry the documents that they first cite."""
    if kind not in ("deal", "claim"):
        return shape
    documents = Field(name="documents", is_required=False, is_list=True, model=models.Document)
    return Shape((*shape.fields, documents))


def _foot_part(connection: DuckDBPyConnection, part: str, offset: int) -> Part:
    name = f"{part}_documents"
    connection.execute(
        f"""
        create or replace temp view {name} as
        select
            {offset} + (record_number - {offset}) * 10000 + place as record_number,
            file, line, record
        from (
            select record_number, file, line, unnest(record.documents) as record,
                generate_subscripts(record.documents, 1) as place
            from {part}
            where len(record.documents) > 0
        )
        """
    )
    return Part(
        "document",
        name,
        is_bulk=True,
        raw_text="to_json(record)::varchar",
        objects=(f"view {name}",),
    )


@dataclass(frozen=True)
class _Misfit:
    """A place where lines do not fit the model. A doubtful one must be looked at line by line.

    `path` is a JSON path; `fields` are the fields of the mapping that belongs there, if one does,
    and `or_number` says that a plain number may take its place.
    """

    rule: str
    path: str
    message: str
    remedy: str
    is_doubtful: bool = False
    fields: tuple[str, ...] = ()
    or_number: bool = False

    @property
    def name(self) -> str:
        """The path as a person writes it."""
        return self.path.removeprefix("$.").replace('"', "").replace("[*]", "[]")


_EXPECTED = {
    "mapping": ("must be a mapping", 'write its fields as {"key": value}'),
    "list": ("must be a list", "write it as [a, b]"),
    "scalar": ("must be a single value", "give one text, number or boolean"),
}
_UNKNOWN_FIELD = ("there is no such field", "delete it, or say it in a note")

_SCALARS = {"VARCHAR", "BOOLEAN", "UBIGINT", "BIGINT", "HUGEINT", "DOUBLE"}
_NUMBERS = {"UBIGINT", "BIGINT", "HUGEINT", "DOUBLE"}

# What DuckDB calls a place that holds nothing, and one that holds several things or an empty {}.
_NOTHING = "NULL"
_SEVERAL = "JSON"


def _refuse_structures(
    connection: DuckDBPyConnection, kind: str, shape: Shape, lines: str, id_field: str
) -> None:
    """Refuse the lines that have unknown fields, or text where a list or mapping belongs.

    Lines of the same structure are judged together: a million lines have few structures.
    """
    structures = connection.execute(
        f"select distinct json_structure(text) from ({lines})"
    ).fetchall()
    certain: list[tuple[str, _Misfit]] = []
    doubtful: dict[_Misfit, list[str]] = {}
    for (structure,) in structures:
        for misfit in _list_misfits(json.loads(structure), shape, "$"):
            if misfit.is_doubtful:
                doubtful.setdefault(misfit, []).append(structure)
            else:
                certain.append((structure, misfit))
    identified = f"select *, text ->> '$.\"{id_field}\"' as record_id from ({lines})"
    if certain:
        _store_misfits(connection, certain)
        relation = f"""
            select line.*, misfit.rule, misfit.name, misfit.message, misfit.remedy
            from ({identified}) as line
            inner join bulk_misfit as misfit on json_structure(line.text) = misfit.structure
        """
        connection.execute(
            f"""
            insert into refused
            select
                '{kind}', record_number, null, record_id, file, line, name, rule, '{STOP}',
                message, remedy
            from ({relation})
            """
        )
        connection.execute("drop table bulk_misfit")
    if doubtful:
        pairs = [(structure, misfit) for misfit, own in doubtful.items() for structure in own]
        _store_misfits(connection, pairs)
        relation = f"""
            select * from ({identified})
            where json_structure(text) in (select structure from bulk_misfit)
        """
        rules = [rule for misfit in doubtful for rule in _doubt_rules(kind, relation, misfit)]
        run_rules(connection, rules)
        connection.execute("drop table bulk_misfit")


def _store_misfits(connection: DuckDBPyConnection, pairs: list[tuple[str, _Misfit]]) -> None:
    columns = [
        [structure for structure, _ in pairs],
        [misfit.rule for _, misfit in pairs],
        [misfit.name for _, misfit in pairs],
        [misfit.message for _, misfit in pairs],
        [misfit.remedy for _, misfit in pairs],
    ]
    connection.execute(
        """
        create or replace temp table bulk_misfit as
        select
            unnest(?::varchar[]) as structure, unnest(?::varchar[]) as rule,
            unnest(?::varchar[]) as name, unnest(?::varchar[]) as message,
            unnest(?::varchar[]) as remedy
        """,
        columns,
    )


def _list_misfits(structure: Any, shape: Shape, path: str) -> Iterator[_Misfit]:
    """Yield where the structure of a line does not fit the shape of a mapping at `path`."""
    if structure == _NOTHING:
        return
    if structure == _SEVERAL:
        names = tuple(field.name for field in shape.fields)
        yield _Misfit("mapping", path, *_EXPECTED["mapping"], is_doubtful=True, fields=names)
        return
    if not isinstance(structure, dict):
        yield _Misfit("mapping", path, *_EXPECTED["mapping"])
        return
    fields = {field.name: field for field in shape.fields}
    for key, found in structure.items():
        below = f'{path}."{key}"'
        if key in fields:
            yield from _list_field_misfits(found, fields[key], below)
        else:
            yield _Misfit("unknown_field", below, *_UNKNOWN_FIELD)


def _list_field_misfits(found: Any, field: Field, path: str) -> Iterator[_Misfit]:
    if field.is_list:
        if found == _SEVERAL:
            yield _Misfit("list", path, *_EXPECTED["list"], is_doubtful=True)
        elif isinstance(found, list):
            item = replace(field, is_list=False)
            yield from _list_field_misfits(found[0], item, f"{path}[*]")
        elif found != _NOTHING:
            yield _Misfit("list", path, *_EXPECTED["list"])
    elif field.model is not None:
        misfits = _list_misfits(found, read_shape(field.model), path)
        if not field.is_number_or_mapping:
            yield from misfits
        elif not isinstance(found, str) or found == _SEVERAL:
            yield from (replace(misfit, or_number=True) for misfit in misfits)
    elif isinstance(found, dict | list):
        yield _Misfit("scalar", path, *_EXPECTED["scalar"])
    elif found == _SEVERAL:
        # Other forms refuse the text of a mapping by themselves.
        if isinstance(field.form, TextForm):
            yield _Misfit("scalar", path, *_EXPECTED["scalar"], is_doubtful=True)
    elif found in _SCALARS and found not in _list_types(field):
        rule = field.form.rule if field.form else "unknown_word"
        message = f"found {'a number' if found in _NUMBERS else found.lower()}"
        remedy = field.form.remedy if field.form else "use one of the words of the list"
        yield _Misfit(rule, path, message.replace("varchar", "text"), remedy)


def _list_types(field: Field) -> set[str]:
    """Return what DuckDB may call a value of the form of a field."""
    if isinstance(field.form, NumberForm):
        return _NUMBERS | {"VARCHAR"}
    if isinstance(field.form, DateForm):
        return {"UBIGINT", "BIGINT", "VARCHAR"}
    return {"BOOLEAN"} if isinstance(field.form, BooleanForm) else {"VARCHAR"}


def _doubt_rules(kind: str, relation: str, misfit: _Misfit) -> Iterator[Rule]:
    """Yield the rules that settle a doubtful place line by line."""
    found = f"json_extract(text, {quote_text(misfit.path)})"
    values = found if "[*]" in misfit.path else f"[{found}]"
    allowed = {"list": {"ARRAY"}, "mapping": {"OBJECT"}, "scalar": _SCALARS}[misfit.rule]
    if misfit.or_number:
        allowed = allowed | _SCALARS
    names = ", ".join(quote_text(name) for name in sorted(allowed | {_NOTHING}))
    wrong = f"json_type(x) not in ({names})"
    yield Rule(
        name=misfit.rule,
        record_kind=kind,
        relation=relation,
        breaks=f"len(list_filter({values}, lambda x: {wrong})) > 0",
        field=quote_text(misfit.name),
        message=misfit.message,
        remedy=misfit.remedy,
    )
    if misfit.fields:
        fields = ", ".join(quote_text(name) for name in misfit.fields)
        unknown = f"list_filter(json_keys(x), lambda k: k not in ({fields}))"
        yield Rule(
            name="unknown_field",
            record_kind=kind,
            relation=relation,
            breaks=f"len(list_filter({values},"
            f" lambda x: json_type(x) = 'OBJECT' and len({unknown}) > 0)) > 0",
            field=quote_text(misfit.name),
            message="holds a field that is not known",
            remedy=f"allowed are {', '.join(misfit.fields)}",
        )


def find_parquet_problem(connection: DuckDBPyConnection, path: Path) -> str | None:
    """Say why a file is no Parquet that can be read, if it is none."""
    # A cursor of its own, since an error would end the transaction of this one.
    with connection.cursor() as cursor:
        try:
            cursor.execute("select * from read_parquet(?) limit 0", [str(path)])
        except duckdb.Error as error:
            return str(error).split("\n")[0]
    return None


def receive_parquet(connection: DuckDBPyConnection, file: BulkFile) -> list[Part]:
    """Make a Parquet file a part in place: it is scanned as often as needed, never copied."""
    source = f"read_parquet({quote_text(str(file.path))}, file_row_number = true)"
    described = connection.sql(f"select * exclude (file_row_number) from {source}")
    columns = dict(zip(described.columns, described.types, strict=True))
    shape = _with_documents(file.kind, read_shape(file.model))
    problems: list[tuple[str, str, str]] = []
    record = _project(shape, columns, "", "", problems, with_line=False)
    numbered = f"""
        select file_row_number + 1 + {file.offset} as record_number,
            {quote_text(file.path.name)} as file, cast(file_row_number + 1 as integer) as line, *
        from {source}
    """
    named = f"cast({file.id_field} as varchar)" if file.id_field in columns else "null::varchar"
    run_rules(
        connection,
        [
            Rule(
                name=rule,
                record_kind=file.kind,
                relation=f"select *, {named} as record_id from ({numbered})",
                breaks=filled,
                field=quote_text(field),
                message=_PARQUET_PROBLEMS[rule][0],
                remedy=_PARQUET_PROBLEMS[rule][1],
            )
            for rule, field, filled in problems
        ],
    )
    part = f"part_{file.kind}_parquet"
    connection.execute(
        f"create or replace temp view {part} as"
        f" select record_number, file, line, {record} as record from ({numbered})"
    )
    parts = [
        Part(
            file.kind,
            part,
            is_bulk=True,
            raw_text="to_json(record)::varchar",
            objects=(f"view {part}",),
        )
    ]
    if "documents" in columns and file.kind in ("deal", "claim"):
        parts.insert(0, _foot_part(connection, part, file.offset))
    return parts


_PARQUET_PROBLEMS = {"unknown_field": _UNKNOWN_FIELD, **_EXPECTED}


def _project(
    shape: Shape,
    columns: dict[str, Any],
    item: str,
    path: str,
    problems: list[tuple[str, str, str]],
    *,
    with_line: bool,
) -> str:
    """Return SQL for the struct of a shape out of columns of DuckDB types.

    Adds to `problems` the rule, the field and an SQL condition for each column that does not fit.
    """
    known = {field.name: field for field in shape.fields}
    for name in columns:
        if name not in known:
            problems.append(("unknown_field", f"{path}{name}", f'{item}"{name}" is not null'))
    pieces = []
    for field in shape.fields:
        value = f'{item}"{field.name}"'
        kind = columns.get(field.name)
        projected = (
            f"cast(null as {_field_type(field)})"
            if kind is None or str(kind) == '"NULL"'
            else _project_field(field, kind, value, f"{path}{field.name}", problems)
        )
        pieces.append(f'"{field.name}" := {projected}')
    if with_line:
        pieces.append('"line" := null::varchar')
    return f"struct_pack({', '.join(pieces)})"


def _project_field(
    field: Field, kind: Any, value: str, path: str, problems: list[tuple[str, str, str]]
) -> str:
    expected = "list" if field.is_list else "mapping" if field.model is not None else "scalar"
    if kind.id == "list":
        found = "list"
    elif kind.id == "struct":
        found = "mapping"
    else:
        found = "scalar"
    if field.is_number_or_mapping:
        if found == "list":
            problems.append(("mapping", path, f"{value} is not null"))
            return "cast(null as json)"
        return f"to_json({value})"
    if found != expected:
        problems.append((expected, path, f"{value} is not null"))
        return f"cast(null as {_field_type(field)})"
    if field.model is None:
        if str(kind) == "JSON":
            # As text it would keep the quotes.
            return f"({value} ->> '$')"
        if str(kind) in ("DOUBLE", "FLOAT") and isinstance(field.form, NumberForm):
            # The shortest text of a float is what was written; cast to a decimal it shows noise.
            return f"cast(round({value}, {field.form.scale}) as varchar)"
        return value
    if not field.is_list:
        inner = _project(
            read_shape(field.model),
            dict(kind.children),
            f"{value}.",
            f"{path}.",
            problems,
            with_line=False,
        )
        return f"case when {value} is not null then {inner} end"
    element = kind.children[0][1]
    if element.id != "struct":
        problems.append(("mapping", path, f"len({value}) > 0"))
        # An empty list says something: that there are none from here on.
        return f"case when {value} is not null then cast([] as {_field_type(field)}) end"
    variable = f"x{path.count('[]')}"
    inside: list[tuple[str, str, str]] = []
    inner = _project(
        read_shape(field.model),
        dict(element.children),
        f"{variable}.",
        f"{path}[].",
        inside,
        with_line=True,
    )
    problems += [
        (rule, name, f"len(list_filter({value}, lambda {variable}: {filled})) > 0")
        for rule, name, filled in inside
    ]
    return f"list_transform({value}, lambda {variable}: {inner})"

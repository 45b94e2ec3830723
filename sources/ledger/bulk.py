"""Records in bulk: JSON Lines and Parquet, read and checked by DuckDB without a loop over rows.

A bulk file stands in the ledger folder itself, as deals.jsonl or deals.parquet, one record a line
or row, of the same nested form as the YAML. Judgements made here:

- A line that is no JSON, a field that is not in the model (filled or not) and a value of another
  shape (a text for a list) refuse the record that has it.
- A number may stand in quotes; that keeps more than 15 digits exact. Decimals beyond those of the
  column are rounded, since a float cannot help having them; YAML refuses them.
- Of two equal keys in a line one wins, as in every JSON reader.
- A column of Parquet that is not in the model refuses the rows in which it is filled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from sources.ledger import models
from sources.ledger.flatten import read_number_or_mapping
from sources.ledger.forms import quote_sql
from sources.ledger.rules import Rule, run_rules
from sources.ledger.shapes import Field, Shape, read_shape

# A line of JSON may hold a long deal; DuckDB's own limit for a line is 2 MB.
_MAX_LINE_BYTES = 16 * 1024 * 1024


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
        f" '' as path, record as item from {relation} where record is not null"
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
                    path || {quote_sql(name)} as path,
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
        named = f"path || {quote_sql(name)}"
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
            words = ", ".join(quote_sql(word) for word in field.words)
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


def receive_json_lines(
    connection: DuckDBPyConnection,
    path: Path,
    *,
    kind: str,
    model: type[models.LedgerModel],
    id_field: str,
    offset: int,
) -> list[Part]:
    """Read a JSON Lines file into parts: its records, and the documents at their foot."""
    lines = f"bulk_lines_{kind}"
    connection.execute(
        f"""
        create or replace temp table {lines} as
        select row_number() over () as number, text
        from read_csv(
            ?, columns = {{'text': 'VARCHAR'}}, header = false, auto_detect = false,
            delim = e'\\x01', quote = '', escape = '', strict_mode = false,
            max_line_size = {_MAX_LINE_BYTES}
        )
        """,
        [str(path)],
    )
    numbered = f"""
        select number + {offset} as record_number, {quote_sql(path.name)} as file,
            cast(number as integer) as line, text
        from {lines}
        where text is not null and length(trim(text)) > 0
    """
    run_rules(
        connection,
        [
            Rule(
                name="broken_json",
                record_kind=kind,
                relation=f"select *, null as record_id from ({numbered})",
                breaks="not json_valid(text) or json_type(text) <> 'OBJECT'",
                message="the line is no JSON object",
                remedy='write one record a line, as {"id": ...}',
            )
        ],
    )
    shape = _with_documents(kind, read_shape(model))
    readable = f"""
        select * from ({numbered})
        where record_number not in (select record_number from refused where record_kind = '{kind}')
    """
    _refuse_shapes(connection, kind, shape, readable, id_field)
    structure = quote_sql(json.dumps(json_structure(shape)))
    part = f"part_{kind}_json_lines"
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
    parts = [Part(kind, part, is_bulk=True, raw_text="raw_text", objects=(f"table {part}",))]
    if kind in ("deal", "claim"):
        parts.insert(0, _foot_part(connection, part, offset))
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


def _refuse_shapes(
    connection: DuckDBPyConnection, kind: str, shape: Shape, lines: str, id_field: str
) -> None:
    """Refuse the lines that have unknown fields, or text where a list or mapping belongs.

    The union of the structures of all lines costs one pass and mostly shows that all is well; rows
    are looked at only for the paths that look wrong in it.
    """
    cleared: set[str] = set()
    while True:
        remaining = f"""
            select * from ({lines})
            where record_number not in (
                select record_number from refused where record_kind = '{kind}'
            )
        """
        row = connection.execute(f"select json_group_structure(text) from ({remaining})").fetchone()
        union = json.loads(row[0]) if row and row[0] else {}
        suspects = [
            suspect
            for suspect in _list_suspects(connection, remaining, union, shape, "$")
            if suspect[0] + suspect[1] not in cleared
        ]
        if not suspects:
            return
        relation = f"select *, text ->> '$.{id_field}' as record_id from ({remaining})"
        run_rules(connection, [_suspect_rule(kind, relation, *suspect) for suspect in suspects])
        cleared.update(suspect[0] + suspect[1] for suspect in suspects)


_SHAPES = {
    "mapping": ("OBJECT", "must be a mapping", 'write its fields as {"key": value}'),
    "list": ("ARRAY", "must be a list", "write it as [a, b]"),
    "scalar": (None, "must be a single value", "give one text, number or boolean"),
}


def _suspect_rule(kind: str, relation: str, path: str, expected: str) -> Rule:
    name = path.removeprefix("$.").replace('"', "").replace("[*]", "[]")
    literal = quote_sql(path)
    if expected == "unknown":
        return Rule(
            name="unknown_field",
            record_kind=kind,
            relation=relation,
            breaks=_any_of(f"json_exists(text, {literal})", path, "x"),
            field=quote_sql(name),
            message="there is no such field",
            remedy="delete it, or say it in a note",
        )
    wanted, message, remedy = _SHAPES[expected]
    wrong = f"x not in ('{wanted}', 'NULL')" if wanted else "x in ('OBJECT', 'ARRAY')"
    return Rule(
        name=expected,
        record_kind=kind,
        relation=relation,
        breaks=_any_of(f"json_type(text, {literal})", path, wrong),
        field=quote_sql(name),
        message=message,
        remedy=remedy,
    )


def _any_of(expression: str, path: str, condition: str) -> str:
    """A condition on what a path gives: one value, or a list of them where it has a wildcard."""
    if "[*]" in path:
        return f"len(list_filter({expression}, lambda x: {condition})) > 0"
    return f"coalesce((select {condition} from (select {expression} as x)), false)"


def _list_suspects(
    connection: DuckDBPyConnection, lines: str, union: Any, shape: Shape, path: str
) -> Iterator[tuple[str, str]]:
    """Yield (path, what is expected there) wherever the union of structures does not fit."""
    if not isinstance(union, dict):
        if union != "NULL":
            yield path, "mapping"
        return
    fields = {field.name: field for field in shape.fields}
    for key, found in union.items():
        field = fields.get(key)
        below = f'{path}."{key}"'
        if field is None:
            yield below, "unknown"
        elif field.is_number_or_mapping and field.model is not None:
            if found == "JSON":
                # Numbers and mappings side by side: look at the mappings alone.
                row = connection.execute(
                    f"""
                    select json_group_structure(x) filter (where json_type(x) = 'OBJECT')
                    from (select unnest(json_extract(text, {quote_sql(below)})) as x
                        from ({lines}))
                    """
                ).fetchone()
                found = json.loads(row[0]) if row and row[0] else "NULL"
            if isinstance(found, dict):
                yield from _list_suspects(connection, lines, found, read_shape(field.model), below)
            elif isinstance(found, list):
                yield below, "mapping"
        elif field.is_list:
            if found == "NULL":
                continue
            if not isinstance(found, list):
                yield below, "list"
            elif field.model is not None:
                yield from _list_suspects(
                    connection, lines, found[0], read_shape(field.model), f"{below}[*]"
                )
            elif found[0] == "JSON" or not isinstance(found[0], str):
                yield f"{below}[*]", "scalar"
        elif field.model is not None:
            yield from _list_suspects(connection, lines, found, read_shape(field.model), below)
        elif found == "JSON" or not isinstance(found, str):
            yield below, "scalar"


def receive_parquet(
    connection: DuckDBPyConnection,
    path: Path,
    *,
    kind: str,
    model: type[models.LedgerModel],
    id_field: str,
    offset: int,
) -> list[Part]:
    """Make a Parquet file a part in place: it is scanned as often as needed, never copied."""
    source = f"read_parquet({quote_sql(str(path))}, file_row_number = true)"
    described = connection.sql(f"select * exclude (file_row_number) from {source}")
    columns = dict(zip(described.columns, described.types, strict=True))
    shape = _with_documents(kind, read_shape(model))
    problems: list[tuple[str, str, str]] = []
    record = _project(shape, columns, "", "", problems, with_line=False)
    numbered = f"""
        select file_row_number + 1 + {offset} as record_number, {quote_sql(path.name)} as file,
            cast(file_row_number + 1 as integer) as line, *
        from {source}
    """
    named = f"cast({id_field} as varchar)" if id_field in columns else "null::varchar"
    run_rules(
        connection,
        [
            Rule(
                name=rule,
                record_kind=kind,
                relation=f"select *, {named} as record_id from ({numbered})",
                breaks=filled,
                field=quote_sql(field),
                message=_PARQUET_PROBLEMS[rule][0],
                remedy=_PARQUET_PROBLEMS[rule][1],
            )
            for rule, field, filled in problems
        ],
    )
    part = f"part_{kind}_parquet"
    connection.execute(
        f"create or replace temp view {part} as"
        f" select record_number, file, line, {record} as record from ({numbered})"
    )
    parts = [
        Part(
            kind,
            part,
            is_bulk=True,
            raw_text="to_json(record)::varchar",
            objects=(f"view {part}",),
        )
    ]
    if "documents" in columns and kind in ("deal", "claim"):
        parts.insert(0, _foot_part(connection, part, offset))
    return parts


_PARQUET_PROBLEMS = {
    "unknown_field": ("there is no such field", "delete the column, or say it in a note"),
    **{name: (message, remedy) for name, (_, message, remedy) in _SHAPES.items()},
}


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
        if str(kind) in ("DOUBLE", "FLOAT"):
            # The shortest text of a float is what was written; cast to a decimal it shows noise.
            return f"cast({value} as varchar)"
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
        return f"cast(null as {_field_type(field)})"
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

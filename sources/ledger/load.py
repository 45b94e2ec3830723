"""Fills the `raw_ledger` tables of a DuckDB connection from a ledger folder.

YAML goes through `parse.py` and reaches DuckDB as one list of lines of JSON, figures as text, so
that they stay exact. Bulk files are read by DuckDB (`bulk.py`). From there on both take the same
way: `flatten.py` makes the tables, `checks.py` says what must hold, and what is refused goes to
`raw_ledger.quarantine`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from sources.ledger import checks, plausibility
from sources.ledger.bulk import (
    BulkFile,
    Part,
    find_parquet_problem,
    form_rules,
    json_structure,
    receive_json_lines,
    receive_parquet,
    struct_type,
)
from sources.ledger.flatten import RAW_TABLES
from sources.ledger.parse import (
    FOLDERS,
    ID_FIELDS,
    MAX_RAW_TEXT,
    MODELS,
    Mapping,
    ParsedFile,
    Record,
    Refusal,
    Sequence,
    cut_lines,
    parse_file,
)
from sources.ledger.rules import REFUSED_TABLE, STOP, WARN, run_rules
from sources.ledger.shapes import read_shape
from sources.ledger.vocabulary import list_words
from sources.sql import quote_text

Progress = Callable[[str], None]

# Bulk files by kind of record; they stand beside the folders.
BULK_NAMES = {folder.kind: name for name, folder in FOLDERS.items()}

# Each way in numbers its records from its own multiple: numbers stay unique and in order.
_PART_OFFSET = 10**15

_MAX_REPORTED = 1_000


class LedgerError(Exception):
    """The ledger cannot be read at all; the message says what to do."""


@dataclass(frozen=True)
class KindCount:
    """Received records of a kind: each was accepted or quarantined."""

    received: int
    accepted: int
    quarantined: int


@dataclass(frozen=True)
class LedgerReport:
    """What became of a ledger.

    `refusals` and `warnings` hold each problem on its own, the first thousand of them; the tables
    `quarantine` and `warning` hold one row a record, with all of its problems.
    """

    counts: dict[str, KindCount]
    refusals: tuple[Refusal, ...]
    warnings: tuple[Refusal, ...]

    @property
    def received(self) -> int:
        """All records received."""
        return sum(count.received for count in self.counts.values())

    @property
    def quarantined(self) -> int:
        """All records refused."""
        return sum(count.quarantined for count in self.counts.values())


def read_ledger(
    ledger_dir: Path, *, progress: Progress | None = None
) -> Iterable[tuple[str, ParsedFile]]:
    """Yield the path of each YAML file of a ledger, relative to it, and what it holds."""
    for name in FOLDERS:
        folder = ledger_dir / name
        if not folder.is_dir():
            continue
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        for path in paths:
            file = f"{name}/{path.name}"
            # A link may lead out of the ledger, and what is refused of a file is published.
            if path.suffix == ".yml" and path.is_file() and not path.is_symlink():
                yield file, parse_file(path.read_bytes(), file=file, folder=name)
            else:
                yield file, _refuse_path(file, FOLDERS[name].kind)
        if progress and paths:
            progress(f"read {len(paths)} files of {name}")


def _refuse_path(file: str, kind: str) -> ParsedFile:
    refusal = Refusal(
        record_kind=kind,
        record_id=None,
        file=file,
        line=1,
        field=None,
        rule="file_name",
        severity=STOP,
        raw_text=None,
        message="only files that end in .yml stand here, and no links",
        remedy="rename it to end in .yml, put the file itself here, or move it out of the folder",
        record_line=1,
    )
    return ParsedFile((), (refusal,), {kind: 1})


def _refuse_bulk(path: Path, kind: str, problem: str) -> Refusal:
    return Refusal(
        record_kind=kind,
        record_id=None,
        file=path.name,
        line=1,
        field=None,
        rule="broken_parquet",
        severity=STOP,
        raw_text=None,
        message=f"the file cannot be read: {problem}",
        remedy="write it anew; the records in it are not counted one by one",
        record_line=1,
    )


def load_ledger(
    connection: DuckDBPyConnection,
    ledger_dir: Path,
    *,
    today: date,
    latest_day: date | None = None,
    progress: Progress | None = None,
) -> LedgerReport:
    """Fill `raw_ledger` from the ledger at `ledger_dir`, replacing what was there.

    Facts that became known after `today` are kept, for whoever asks as of a later day; facts that
    are said to be known after `latest_day` (default `today`) are refused.

    Raises:
        LedgerError: when there is no ledger at `ledger_dir`.
    """
    bulk = any(path.is_file() for path in _bulk_paths(ledger_dir, "deal"))
    if not bulk and not (ledger_dir / "deals").is_dir():
        raise LedgerError(
            f"no ledger in {ledger_dir}: it has neither a folder deals nor a deals.jsonl or"
            " deals.parquet; point GIGALEDGER_LEDGER at the folder that has"
        )
    say = progress or _say_nothing
    connection.execute("begin")
    try:
        report = _load(connection, ledger_dir, today, latest_day or today, say)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return report


def _say_nothing(message: str) -> None:
    """Take the place of a progress report that nobody asked for."""


def _bulk_paths(ledger_dir: Path, kind: str) -> tuple[Path, Path]:
    name = BULK_NAMES[kind]
    return ledger_dir / f"{name}.jsonl", ledger_dir / f"{name}.parquet"


def _load(
    connection: DuckDBPyConnection,
    ledger_dir: Path,
    today: date,
    latest_day: date,
    say: Progress,
) -> LedgerReport:
    connection.execute(REFUSED_TABLE)
    connection.execute("set variable ledger_latest_day = ?::date", [latest_day])
    for name, macro in _MACROS.items():
        connection.execute(f"create or replace temp macro {name}{macro}")
    records: dict[str, list[Record]] = {kind: [] for kind in MODELS}
    parse_refusals: list[Refusal] = []
    refused_count: Counter[str] = Counter()
    for _, parsed in read_ledger(ledger_dir, progress=say):
        for record in parsed.records:
            records[record.kind].append(record)
        parse_refusals += parsed.refusals
        refused_count.update(parsed.refused_count)

    parts = [_receive_yaml(connection, kind, records[kind]) for kind in MODELS]
    bulk_parts, bulk_refusals = _receive_bulk(connection, ledger_dir, say)
    parts += bulk_parts
    parse_refusals += bulk_refusals
    refused_count.update(refusal.record_kind for refusal in bulk_refusals)
    for part in parts:
        if part.is_bulk:
            rules = form_rules(part.kind, MODELS[part.kind], part.relation, ID_FIELDS[part.kind])
            run_rules(connection, rules)
    received = _join_parts(connection, parts)
    say("make the raw tables")
    _create_tables(connection)
    say("check what must hold between fields and records")
    links_received = _run_checks(connection)
    _fill_quarantine(connection, parts, records, parse_refusals, ledger_dir)
    _fill_constants(connection, today)
    counts = {
        kind: _count(connection, kind, received[kind] + refused_count[kind]) for kind in MODELS
    }
    counts["deal_link"] = _count(connection, "deal_link", links_received)
    _fill_input_count(connection, counts)
    refusals = _list_problems(connection, STOP, parse_refusals)
    warnings = _list_problems(connection, WARN, [])
    _drop_scaffold(connection, parts)
    return LedgerReport(counts, refusals, warnings)


def _read_number_words() -> str:
    """Return SQL that writes `seven trillion` as `7 trillion` and 1,250 as 1250."""
    words = "replace(words, ',', '')"
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    for number, word in enumerate(numbers, start=1):
        pattern = rf"(?i)\b{word} (trillion|billion|million|gigawatt|megawatt)"
        words = rf"regexp_replace({words}, '{pattern}', '{number} \1', 'g')"
    return words


# What the rules read out of a record: the first and last day of a date as written, and the figures
# in words. Gigawatts, plain dollars (or another currency) and plain tokens.
_MACROS = {
    "ledger_first_day": """(written) as (
        case
            when length(written) = 10 then try_cast(written as date)
            when length(written) = 4 then make_date(cast(written as integer), 1, 1)
            when written[6] = 'Q'
                then make_date(cast(written[:4] as integer), cast(written[7] as integer) * 3 - 2, 1)
            when written[6] = 'H'
                then make_date(cast(written[:4] as integer), cast(written[7] as integer) * 6 - 5, 1)
            else try_cast(written || '-01' as date)
        end
    )""",
    "ledger_last_day": """(written) as (
        case
            when length(written) = 10 then try_cast(written as date)
            when length(written) = 4 then make_date(cast(written as integer), 12, 31)
            when written[6] = 'Q'
                then last_day(
                    make_date(cast(written[:4] as integer), cast(written[7] as integer) * 3, 1)
                )
            when written[6] = 'H'
                then last_day(
                    make_date(cast(written[:4] as integer), cast(written[7] as integer) * 6, 1)
                )
            else last_day(try_cast(written || '-01' as date))
        end
    )""",
    "ledger_digits": f"(words) as ({_read_number_words()})",
    "ledger_power": r"""(words) as (
        list_transform(
            regexp_extract_all(
                ledger_digits(words), '(?i)[0-9]+(?:\.[0-9]+)?[ -]?(?:GW|MW|gigawatts?|megawatts?)\b'
            ),
            lambda m: try_cast(regexp_extract(m, '^[0-9.]+') as double)
                / case when regexp_matches(m, '(?i)m') then 1000 else 1 end
        )
    )""",
    "ledger_money": r"""(words) as (
        list_transform(
            regexp_extract_all(
                ledger_digits(words),
                '(?i)[0-9]+(?:\.[0-9]+)?(?:e[0-9]+|[ -]?(?:trillion|billion|million|bn|tn|[bm])\b)'
            ),
            lambda m: coalesce(
                try_cast(m as double),
                try_cast(regexp_extract(m, '^[0-9.]+') as double)
                    * case when regexp_matches(m, '(?i)t(?:r|n)') then 1e12
                        when regexp_matches(m, '(?i)b') then 1e9 else 1e6 end
            )
        )
    )""",
    "ledger_tokens": """(words) as (
        try_cast(regexp_extract(words, '^[0-9.]+') as double)
            * case upper(regexp_extract(words, '[A-Za-z]'))
                when 'Q' then 1e15 when 'T' then 1e12 when 'B' then 1e9 else 1e6 end
    )""",
}


def _receive_yaml(connection: DuckDBPyConnection, kind: str, records: list[Record]) -> Part:
    """Hand accepted records of YAML to DuckDB as lines of JSON."""
    lines = [
        json.dumps(
            {"file": record.file, "line": record.line, "record": _as_text(record.tree)},
            ensure_ascii=False,
        )
        for record in records
    ]
    structure = json.dumps(
        {"file": "VARCHAR", "line": "INTEGER", "record": json_structure(read_shape(MODELS[kind]))}
    )
    name = f"part_{kind}_yaml"
    connection.execute(
        f"""
        create or replace temp table {name} as
        select record_number, origin.file, origin.line, origin.record
        from (
            select
                unnest(range(1, len(lines) + 1)) as record_number,
                from_json(unnest(lines), {quote_text(structure)}) as origin
            from (select cast(? as varchar[]) as lines)
        )
        """,
        [lines],
    )
    return Part(kind, name, is_bulk=False, raw_text="null::varchar", objects=(f"table {name}",))


def _receive_bulk(
    connection: DuckDBPyConnection, ledger_dir: Path, say: Progress
) -> tuple[list[Part], list[Refusal]]:
    """Hand bulk files to DuckDB; return their parts, and a refusal for each that is none."""
    parts: list[Part] = []
    refusals: list[Refusal] = []
    offset = _PART_OFFSET
    for kind in MODELS:
        for path in _bulk_paths(ledger_dir, kind):
            if not path.is_file():
                continue
            say(f"read {path.name}")
            receive = receive_json_lines
            if path.suffix == ".parquet":
                receive = receive_parquet
                problem = find_parquet_problem(connection, path)
                if problem is not None:
                    refusals.append(_refuse_bulk(path, kind, problem))
                    continue
            file = BulkFile(
                path=path,
                kind=kind,
                model=MODELS[kind],
                id_field=ID_FIELDS[kind],
                offset=offset,
            )
            parts += receive(connection, file)
            # The documents at the foot of a file have numbers of their own above its own.
            offset += 2 * _PART_OFFSET
    return parts, refusals


def _as_text(value: Any) -> Any:
    """Return a tree with all figures as plain text and each mapping's line beside its fields."""
    if isinstance(value, Mapping):
        tree = {key: _as_text(inner) for key, inner in value.items()}
        tree["line"] = value.line
        return tree
    if isinstance(value, Sequence):
        return [_as_text(item) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    return value


def _join_parts(connection: DuckDBPyConnection, parts: list[Part]) -> dict[str, int]:
    """Make the relation `received_<kind>` of each kind and return how many records it holds."""
    received = {}
    for kind, model in MODELS.items():
        own = [part for part in parts if part.kind == kind]
        filled = [part for part in own if part.is_bulk] + [
            part for part in own if not part.is_bulk and _has_rows(connection, part.relation)
        ]
        chosen = [part for part in own if part in filled] or own
        # One way in keeps the types that it came with, several meet as text.
        record = "record" if len(chosen) == 1 else f"cast(record as {struct_type(model)}) as record"
        union = " union all ".join(
            f"select record_number, file, line, {record} from {part.relation}" for part in chosen
        )
        connection.execute(f"create or replace temp view received_{kind} as {union}")
        received[kind] = _count_rows(connection, f"received_{kind}")
    return received


def _count_rows(connection: DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return row[0] if row else 0


def _has_rows(connection: DuckDBPyConnection, relation: str) -> bool:
    return bool(connection.execute(f"select 1 from {relation} limit 1").fetchall())


def _create_tables(connection: DuckDBPyConnection) -> None:
    connection.execute("create schema if not exists raw_ledger")
    for name, table in RAW_TABLES.items():
        connection.execute(
            f"""
            create or replace table raw_ledger.{name} as
            select * from ({table.select})
            where record_number not in (
                select record_number from refused where record_kind = '{table.kind}'
            )
            """
        )


def _run_checks(connection: DuckDBPyConnection) -> int:
    """Run all rules, stage by stage; return how many links the accepted deals have."""
    for rules in (
        checks.RECORD_RULES,
        checks.DUPLICATE_RULES,
        checks.REFERENCE_RULES,
        checks.SCENARIO_RULES,
    ):
        if run_rules(connection, rules):
            _delete_refused_records(connection)
    links = _count_rows(connection, "raw_ledger.deal_link")
    for rules in checks.LINK_RULES:
        if run_rules(connection, rules):
            _delete_refused_links(connection)
    run_rules(connection, (*checks.WARNING_RULES, *plausibility.WARNING_RULES))
    return links


def _delete_refused_records(connection: DuckDBPyConnection) -> None:
    for name, table in RAW_TABLES.items():
        connection.execute(
            f"""
            delete from raw_ledger.{name}
            where record_number in (
                select record_number from refused where record_kind = '{table.kind}'
            )
            """
        )


def _delete_refused_links(connection: DuckDBPyConnection) -> None:
    connection.execute(
        f"""
        delete from raw_ledger.deal_link
        where (record_number, {checks.LINK_NUMBER}) in (
            select (record_number, part_number) from refused where record_kind = 'deal_link'
        )
        """
    )


_REFUSAL_COLUMNS = """
    record_kind varchar, record_id varchar, file varchar, line integer, field varchar,
    rule varchar, severity varchar, raw_text varchar, message varchar, remedy varchar
"""


def _fill_quarantine(
    connection: DuckDBPyConnection,
    parts: list[Part],
    records: dict[str, list[Record]],
    parse_refusals: list[Refusal],
    ledger_dir: Path,
) -> None:
    """Fill quarantine and warning: one row a refused record, its further problems in the message."""
    for name in ("quarantine", "warning"):
        connection.execute(f"create or replace table raw_ledger.{name} ({_REFUSAL_COLUMNS})")
    raw_texts = " union all ".join(
        f"select '{part.kind}' as record_kind, record_number, {part.raw_text} as raw_text"
        f" from {part.relation} where record_number in (select record_number from refused)"
        for part in parts
        if part.is_bulk
    )
    raw_texts = raw_texts or "select '' as record_kind, 0 as record_number, '' as raw_text limit 0"
    for name, severity in (("quarantine", STOP), ("warning", WARN)):
        connection.execute(
            f"""
            create or replace temp table refused_record as
            select
                record_kind, record_number, part_number, any_value(record_id) as record_id,
                any_value(file) as file, arg_min(line, place) as line,
                arg_min(field, place) as field, arg_min(rule, place) as rule,
                arg_min(severity, place) as severity, null::varchar as raw_text,
                string_agg(
                    case when place > 1 then 'line ' || line || ': ' || coalesce(field || ': ', '')
                        else '' end || message,
                    '; also ' order by place
                ) as message,
                arg_min(remedy, place) as remedy
            from (
                select *, row_number() over (
                    partition by record_kind, record_number, part_number
                    order by line, field, rule, message
                ) as place
                from refused
                where severity = '{severity}'
            )
            group by record_kind, record_number, part_number
            """
        )
        _add_yaml_text(connection, records, ledger_dir)
        connection.execute(
            f"""
            insert into raw_ledger.{name}
            select
                refused_record.record_kind, record_id, file, line, field, rule, severity,
                coalesce(
                    refused_record.raw_text,
                    replace(left(bulk.raw_text, {MAX_RAW_TEXT}), chr(0), '\ufffd')
                ),
                message, remedy
            from refused_record
            left join ({raw_texts}) as bulk
                on refused_record.record_number = bulk.record_number
                and bulk.record_kind
                    = case refused_record.record_kind when 'deal_link' then 'deal'
                        else refused_record.record_kind end
            order by file, line, refused_record.record_number, part_number
            """
        )
    rows = [_as_row(refusal) for refusal in _merge_refusals(parse_refusals)]
    if rows:
        connection.executemany(
            f"insert into raw_ledger.quarantine values ({', '.join('?' * 10)})", rows
        )


def _add_yaml_text(
    connection: DuckDBPyConnection, records: dict[str, list[Record]], ledger_dir: Path
) -> None:
    """Give each refused record that came as YAML the lines that it stands on."""
    rows = connection.execute(
        "select record_kind, record_number, part_number from refused_record"
        f" where record_number < {_PART_OFFSET}"
    ).fetchall()
    texts = []
    for kind, number, part_number in rows:
        record = records["deal" if kind == "deal_link" else kind][number - 1]
        tree = record.tree
        if part_number is not None:
            event, link = divmod(part_number, checks.LINKS_PER_LIST)
            holder = tree["events"][event - 1] if event else tree
            tree = holder["links"][link - 1]
        data = (ledger_dir / record.file).read_bytes()
        texts.append([cut_lines(data, tree.line, tree.last_line), kind, number, part_number])
    if texts:
        connection.executemany(
            "update refused_record set raw_text = ? where record_kind = ? and record_number = ?"
            " and part_number is not distinct from ?",
            texts,
        )


def _merge_refusals(refusals: list[Refusal]) -> list[Refusal]:
    """Merge the refusals of each record into the first, which tells of the others."""
    merged: dict[tuple[str, str, int], Refusal] = {}
    for refusal in refusals:
        key = (refusal.record_kind, refusal.file, refusal.record_line)
        first = merged.get(key)
        if first is None:
            merged[key] = refusal
            continue
        field = f"{refusal.field}: " if refusal.field else ""
        message = f"{first.message}; also line {refusal.line}: {field}{refusal.message}"
        merged[key] = replace(first, message=message)
    return list(merged.values())


def _as_row(refusal: Refusal) -> list[Any]:
    return [
        refusal.record_kind,
        refusal.record_id,
        refusal.file,
        refusal.line,
        refusal.field,
        refusal.rule,
        refusal.severity,
        refusal.raw_text,
        refusal.message,
        refusal.remedy,
    ]


def _fill_constants(connection: DuckDBPyConnection, today: date) -> None:
    connection.execute(
        "create or replace table raw_ledger.build as select cast(? as date) as today", [today]
    )
    connection.execute(
        "create or replace table raw_ledger.vocabulary"
        " (vocabulary varchar, word varchar, rank integer, meaning varchar)"
    )
    columns = [list(column) for column in zip(*list_words(), strict=True)]
    connection.execute(
        "insert into raw_ledger.vocabulary"
        " select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::integer[]),"
        " unnest(?::varchar[])",
        columns,
    )


def _count(connection: DuckDBPyConnection, kind: str, received: int) -> KindCount:
    rows = "raw_ledger.scenario where scenario = 'base'"
    accepted = _count_rows(connection, rows if kind == "scenario" else f"raw_ledger.{kind}")
    quarantined = _count_rows(connection, f"raw_ledger.quarantine where record_kind = '{kind}'")
    return KindCount(received, accepted, quarantined)


def _fill_input_count(connection: DuckDBPyConnection, counts: dict[str, KindCount]) -> None:
    connection.execute(
        "create or replace table raw_ledger.input_count"
        " (record_kind varchar, received bigint, accepted bigint, quarantined bigint)"
    )
    connection.executemany(
        "insert into raw_ledger.input_count values (?, ?, ?, ?)",
        [
            [kind, count.received, count.accepted, count.quarantined]
            for kind, count in counts.items()
        ],
    )


def _drop_scaffold(connection: DuckDBPyConnection, parts: list[Part]) -> None:
    """Drop what only the load needed."""
    for name in RAW_TABLES:
        connection.execute(f"alter table raw_ledger.{name} drop column record_number")
    for kind in MODELS:
        connection.execute(f"drop view received_{kind}")
    for part in parts:
        part.drop(connection)
    connection.execute("drop table refused")
    connection.execute("drop table refused_record")
    for name in _MACROS:
        connection.execute(f"drop macro {name}")
    connection.execute("reset variable ledger_latest_day")


def _list_problems(
    connection: DuckDBPyConnection, severity: str, parsed: list[Refusal]
) -> tuple[Refusal, ...]:
    """Return each problem on its own, in the order of files and lines."""
    rows = connection.execute(
        "select record_kind, record_id, file, line, field, rule, message, remedy from refused"
        " where severity = ? order by file, line, rule, message limit ?",
        [severity, _MAX_REPORTED],
    ).fetchall()
    found = [
        Refusal(
            record_kind=row[0],
            record_id=row[1],
            file=row[2],
            line=row[3],
            field=row[4],
            rule=row[5],
            severity=severity,
            raw_text=None,
            message=row[6],
            remedy=row[7],
            record_line=row[3],
        )
        for row in rows
    ]
    problems = sorted([*parsed, *found], key=lambda problem: (problem.file, problem.line))
    return tuple(problems[:_MAX_REPORTED])

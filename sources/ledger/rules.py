"""How rules are run: each is data, and all rules over one relation cost one scan of it.

A rule names a relation, a condition that is true for what breaks it, and what to tell the person
who has to mend it. What breaks a rule becomes a row of the temporary table `refused`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from duckdb import DuckDBPyConnection

from sources.sql import quote_text

STOP = "stop"
WARN = "warn"

REFUSED_TABLE = """
    create or replace temp table refused (
        record_kind varchar,
        record_number bigint,
        part_number bigint,
        record_id varchar,
        file varchar,
        line integer,
        field varchar,
        rule varchar,
        severity varchar,
        message varchar,
        remedy varchar
    )
"""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule over rows.

    `relation` has the columns record_number, record_id, file and line, part_number where a part of
    a record is refused on its own, and what `breaks`, `field` and `found` read. `field` and `found`
    are SQL expressions; `{found}` in the message becomes the latter.
    """

    name: str
    record_kind: str
    relation: str
    breaks: str
    message: str
    remedy: str
    field: str = "null"
    found: str = "null"
    severity: str = STOP
    part_number: str = "null"

    def problem_sql(self) -> str:
        """Return SQL for the struct that describes the broken rule."""
        pieces = [quote_text(piece) for piece in self.message.split("{found}")]
        found = f"coalesce(cast({self.found} as varchar), 'nothing')"
        message = f" || {found} || ".join(pieces)
        return (
            f"{{'record_kind': {quote_text(self.record_kind)},"
            f" 'part_number': cast({self.part_number} as bigint),"
            f" 'field': cast({self.field} as varchar),"
            f" 'rule': {quote_text(self.name)}, 'severity': {quote_text(self.severity)},"
            f" 'message': {message}, 'remedy': {quote_text(self.remedy)}}}"
        )


def run_rules(connection: DuckDBPyConnection, rules: Iterable[Rule]) -> int:
    """Add a row to `refused` for each record that breaks a rule; return how many were added."""
    added = 0
    for relation, group in groupby(rules, key=lambda rule: rule.relation):
        chosen = list(group)
        broken = " or ".join(f"({rule.breaks})" for rule in chosen)
        problems = ", ".join(
            f"case when {rule.breaks} then {rule.problem_sql()} end" for rule in chosen
        )
        row = connection.execute(
            f"""
            insert into refused
            select
                problem.record_kind, record_number, problem.part_number, record_id, file, line,
                problem.field, problem.rule, problem.severity, problem.message, problem.remedy
            from (
                select record_number, record_id, file, line, unnest([{problems}]) as problem
                from ({relation})
                where {broken}
            )
            where problem is not null
            """
        ).fetchone()
        added += row[0] if row else 0
    return added

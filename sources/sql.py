"""Names and texts as SQL takes them, whatever they hold."""

from __future__ import annotations


def quote_name(name: str) -> str:
    """Return a name of a column or table."""
    return '"' + name.replace('"', '""') + '"'


def quote_table(table: str) -> str:
    """Return `schema.table` with the name of the table quoted: not every table is an easy word."""
    schema, name = table.split(".")
    return f"{schema}.{quote_name(name)}"


def quote_text(text: str) -> str:
    """Return a text as a literal."""
    return "'" + text.replace("'", "''") + "'"

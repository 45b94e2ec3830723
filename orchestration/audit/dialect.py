"""Lets Great Expectations query a DuckDB connection that is open already.

With the dialect of duckdb-engine as it comes, the result of each query is lost when SQLAlchemy
rolls the connection back between queries. This one begins, commits and rolls back nothing: the
audit only reads. It also takes the caller's connection in place of an address, so that the file is
opened and closed in one place, whatever its path looks like.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

from duckdb import DuckDBPyConnection
from duckdb_engine import ConnectionWrapper, Dialect
from sqlalchemy.dialects import registry

_SCHEME = "gigaledger"


class WorkDatabaseDialect(Dialect):
    """DuckDB without transactions, on a connection that is served."""

    supports_statement_cache = False
    served: ClassVar[DuckDBPyConnection | None] = None
    cursors: ClassVar[list[DuckDBPyConnection]] = []

    def connect(self, *args: Any, **kwargs: Any) -> ConnectionWrapper:
        if self.served is None:
            raise RuntimeError("no connection is served")
        cursor = self.served.cursor()
        self.cursors.append(cursor)
        return ConnectionWrapper(cursor)

    def do_begin(self, connection: Any) -> None:
        return None

    def do_commit(self, connection: Any) -> None:
        return None

    def do_rollback(self, connection: Any) -> None:
        return None


registry.register(_SCHEME, __name__, WorkDatabaseDialect.__name__)


@contextlib.contextmanager
def serve(connection: DuckDBPyConnection) -> Iterator[str]:
    """Yield the address under which SQLAlchemy reaches a connection while the context lasts."""
    WorkDatabaseDialect.served = connection
    try:
        yield f"{_SCHEME}://"
    finally:
        WorkDatabaseDialect.served = None
        # Great Expectations keeps a pool of its own; an open cursor would keep the file locked.
        while WorkDatabaseDialect.cursors:
            WorkDatabaseDialect.cursors.pop().close()

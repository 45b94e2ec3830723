"""Dagster's event log in SQLite, with one connection kept for each of its files.

The class that Dagster ships opens the file anew for every event, four times and more for one that
is about an asset: ten milliseconds each, hundreds of times in a refresh. Only the terminal's run
uses this one, as the single writer of its process; what it writes is what the UI reads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy.engine import Connection, Engine


class KeptConnectionEventLog(SqliteEventLogStorage):
    """Keeps the connection to each file until it is disposed of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin without any connection."""
        self._engines: dict[str, Engine] = {}
        super().__init__(*args, **kwargs)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "KeptConnectionEventLog":
        """Return the storage that an instance's configuration describes."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if shard not in self._engines:
                engine = sqlalchemy.create_engine(
                    self.conn_string_for_shard(shard),
                    poolclass=sqlalchemy.StaticPool,
                    connect_args={"timeout": 60, "check_same_thread": False},
                )
                sqlalchemy.event.listen(engine, "connect", _trust_the_journal)
                self._initdb(engine)
                self._engines[shard] = engine
            with self._engines[shard].begin() as connection:
                yield connection

    def dispose(self) -> None:
        """Close every connection."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def _trust_the_journal(connection: Any, record: Any) -> None:
    """With SQLite's write-ahead journal a commit need not wait for the disk to be consistent."""
    connection.execute("pragma synchronous = normal")

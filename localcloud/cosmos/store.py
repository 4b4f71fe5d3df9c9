"""The items of all containers."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from localcloud.cosmos.clock import Clock
from localcloud.cosmos.container import Container
from localcloud.cosmos.database_file import transaction
from localcloud.cosmos.partition import PartitionKey

_ALIVE = "(expires_at IS NULL OR expires_at > ?)"


@dataclass(frozen=True, slots=True)
class Row:
    """A stored item: `born` is the container's change number at its creation, `body` its JSON, complete."""

    born: int
    etag: str
    body: str


@dataclass(frozen=True, slots=True)
class NewRow:
    """An item as it shall be stored; `expires_at` in Unix seconds, None for never."""

    born: int
    item_id: str
    etag: str
    expires_at: float | None
    body: str


@dataclass(frozen=True)
class Scope:
    """Which items a query looks at: those of one logical partition, of a range of hashes (high excluded), or all."""

    key: PartitionKey | None = None
    low: str | None = None
    high: str | None = None


class ItemStore:
    """Reads and writes items; expired ones are gone, whether or not their rows still are."""

    def __init__(self, db: sqlite3.Connection, committed: Callable[[], None], clock: Clock) -> None:
        """`committed` is called after each commit of written items, before the request is answered."""
        self._db = db
        self.clock = clock
        self._committed = committed

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction of item writes: all of them happen, or none."""
        with transaction(self._db):
            before = self._db.total_changes
            yield
            changed = self._db.total_changes > before
        if changed:
            self._committed()

    def next_lsn(self, container: Container) -> int:
        """Count one change of the container and return its number."""
        row = self._db.execute(
            "UPDATE containers SET lsn = lsn + 1 WHERE number = ? RETURNING lsn", (container.number,)
        ).fetchone()
        return int(row[0])

    def lsn(self, container: Container) -> int:
        """Return the number of the container's last change."""
        row = self._db.execute("SELECT lsn FROM containers WHERE number = ?", (container.number,)).fetchone()
        return int(row[0]) if row else 0

    def read(self, container: Container, key: PartitionKey, item_id: str) -> Row | None:
        """Return one item, None when there is none."""
        row = self._db.execute(
            f"SELECT born, etag, body FROM items WHERE container = ? AND partition = ? AND id = ? AND {_ALIVE}",  # noqa: S608
            (container.number, key.text, item_id, self.clock.now()),
        ).fetchone()
        return Row(*row) if row else None

    def insert(self, container: Container, key: PartitionKey, new: NewRow) -> None:
        """Store an item there is none of yet; an expired one of its id is swept away."""
        self.delete(container, key, new.item_id)
        self._db.execute(
            "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (container.number, key.text, new.item_id, new.born, key.hash, new.etag, new.expires_at, new.body),
        )

    def update(self, container: Container, key: PartitionKey, item_id: str, new: NewRow) -> None:
        """Replace the item `item_id`; it may get another id."""
        self._db.execute(
            "UPDATE items SET id = ?, etag = ?, expires_at = ?, body = ?"
            " WHERE container = ? AND partition = ? AND id = ?",
            (new.item_id, new.etag, new.expires_at, new.body, container.number, key.text, item_id),
        )

    def delete(self, container: Container, key: PartitionKey, item_id: str) -> None:
        """Delete an item if it is there."""
        self._db.execute(
            "DELETE FROM items WHERE container = ? AND partition = ? AND id = ?", (container.number, key.text, item_id)
        )

    def scan(self, container: Container, scope: Scope, after: int) -> Iterator[Row]:
        """Yield the items in `scope` born after `after`, oldest first."""
        where = ["container = ?", "born > ?", _ALIVE]
        values: list[int | float | str] = [container.number, after, self.clock.now()]
        conditions = (
            ("partition = ?", scope.key.text if scope.key else None),
            ("hash >= ?", scope.low),
            ("hash < ?", scope.high),
        )
        for condition, value in conditions:
            if value is not None:
                where.append(condition)
                values.append(value)
        sql = f"SELECT born, etag, body FROM items WHERE {' AND '.join(where)} ORDER BY born"  # noqa: S608
        for row in self._db.execute(sql, values):
            yield Row(*row)

    def sweep_expired(self) -> None:
        """Free the room expired items take."""
        self._db.execute("DELETE FROM items WHERE expires_at <= ?", (self.clock.now(),))

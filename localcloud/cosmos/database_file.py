"""The SQLite file under everything: its schema and its transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS databases (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS containers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, database TEXT NOT NULL, id TEXT NOT NULL,
    lsn INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL, UNIQUE (database, id));
CREATE TABLE IF NOT EXISTS items (
    container INTEGER NOT NULL, partition TEXT NOT NULL, id TEXT NOT NULL, born INTEGER NOT NULL,
    hash TEXT NOT NULL, etag TEXT NOT NULL, expires_at REAL, body TEXT NOT NULL,
    UNIQUE (container, partition, id));
CREATE INDEX IF NOT EXISTS items_by_partition ON items (container, partition, born);
CREATE INDEX IF NOT EXISTS items_by_birth ON items (container, born);
CREATE INDEX IF NOT EXISTS items_by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;
"""


class FileInUse(RuntimeError):
    """Another process serves the file."""


def open_file(path: Path) -> sqlite3.Connection:
    """Open or create the file for this process alone. Raises: FileInUse."""
    db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    try:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        # A commit is in the file system's cache before it is answered: it survives a killed process, which is what
        # tests and users do to an emulator. FULL would survive a power cut too, for an fsync on every write.
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(_SCHEMA)
    except sqlite3.OperationalError as error:
        db.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise FileInUse(f"{path} is in use by another process") from error
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All the writes inside happen, or none does."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")

"""The databases and containers there are."""

import json
import sqlite3
import time
import uuid
from typing import Any

from localcloud.cosmos.container import Container
from localcloud.cosmos.database_file import transaction
from localcloud.cosmos.errors import conflict, not_found
from localcloud.cosmos.rids import container_rid, database_rid
from localcloud.cosmos.values import dump


class Catalogue:
    """Creates, finds, lists and deletes databases and containers; they have no other changes."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[tuple[str, str], Container] = {}

    def create_database(self, name: str) -> dict[str, Any]:
        """Make an empty database. Raises: CosmosError 409."""
        rid = database_rid()
        body = _stamped({"id": name, "_rid": rid, "_self": f"dbs/{rid}/", "_colls": "colls/", "_users": "users/"})
        try:
            self._db.execute("INSERT INTO databases VALUES (?, ?)", (name, dump(body)))
        except sqlite3.IntegrityError as error:
            raise conflict("Database") from error
        return body

    def database(self, name: str) -> dict[str, Any]:
        """Return one database. Raises: CosmosError 404."""
        row = self._db.execute("SELECT body FROM databases WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise not_found()
        body: dict[str, Any] = json.loads(row[0])
        return body

    def databases(self) -> list[dict[str, Any]]:
        """Return all databases by name."""
        return [json.loads(body) for (body,) in self._db.execute("SELECT body FROM databases ORDER BY id")]

    def delete_database(self, name: str) -> None:
        """Delete a database with all it holds. Raises: CosmosError 404."""
        self.database(name)
        with transaction(self._db):
            for container in self.containers(name):
                self._drop(container)
            self._db.execute("DELETE FROM databases WHERE id = ?", (name,))

    def create_container(self, database: str, definition: dict[str, Any]) -> Container:
        """Make an empty container. Raises: CosmosError 404 without the database, 409."""
        parent = self.database(database)["_rid"]
        rid = container_rid(parent)
        children = {"_docs": "docs/", "_sprocs": "sprocs/", "_triggers": "triggers/", "_udfs": "udfs/"}
        links = {"_rid": rid, "_self": f"dbs/{parent}/colls/{rid}/", **children, "_conflicts": "conflicts/"}
        body = _stamped({**definition, **links})
        try:
            self._db.execute(
                "INSERT INTO containers (database, id, body) VALUES (?, ?, ?)", (database, body["id"], dump(body))
            )
        except sqlite3.IntegrityError as error:
            raise conflict("Container") from error
        return self.container(database, body["id"])

    def container(self, database: str, name: str) -> Container:
        """Return one container. Raises: CosmosError 404."""
        if (database, name) not in self._known:
            found = self._select("database = ? AND id = ?", (database, name))
            if not found:
                raise not_found()
            self._known[database, name] = found[0]
        return self._known[database, name]

    def containers(self, database: str) -> list[Container]:
        """Return all containers of a database by name. Raises: CosmosError 404 without the database."""
        self.database(database)
        return self._select("database = ?", (database,))

    def delete_container(self, container: Container) -> None:
        """Delete a container with its items."""
        with transaction(self._db):
            self._drop(container)

    def _select(self, where: str, values: tuple[str, ...]) -> list[Container]:
        rows = self._db.execute(f"SELECT number, database, body FROM containers WHERE {where} ORDER BY id", values)  # noqa: S608
        return [Container(number, database, json.loads(body)) for number, database, body in rows]

    def _drop(self, container: Container) -> None:
        self._db.execute("DELETE FROM items WHERE container = ?", (container.number,))
        self._db.execute("DELETE FROM containers WHERE number = ?", (container.number,))
        self._known.pop((container.database, container.id), None)


def _stamped(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "_etag": f'"{uuid.uuid4()}"', "_ts": int(time.time())}

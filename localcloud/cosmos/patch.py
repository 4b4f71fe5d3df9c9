"""Partial document update: the six operations of "Partial document update in Azure Cosmos DB"."""

import json
from typing import Any, cast

from localcloud.cosmos.errors import bad_request
from localcloud.cosmos.values import dump, is_number

_LIMIT = 10
_SYSTEM = {"id", "_rid", "_self", "_etag", "_ts", "_attachments"}
_MISSING: Any = object()


def patched(document: dict[str, Any], operations: Any) -> dict[str, Any]:
    """Return a changed copy of `document`; operations are applied in order, all or none.

    Raises: CosmosError 400 naming the operation that cannot be applied.
    """
    if not isinstance(operations, list) or not 0 < len(operations) <= _LIMIT:
        raise bad_request(f"A patch has between 1 and {_LIMIT} operations.")
    copy: dict[str, Any] = json.loads(dump(document))
    for number, operation in enumerate(operations, 1):
        try:
            _apply(copy, operation)
        except _CannotPatch as reason:
            raise bad_request(f"For Operation({number}): {reason}") from reason
    return copy


class _CannotPatch(Exception):
    """Why one operation cannot be applied."""


def _apply(document: dict[str, Any], operation: Any) -> None:
    match operation:
        case {"op": "add", "path": str(path), "value": value}:
            _put(_place(document, path), value, insert=True)
        case {"op": "set", "path": str(path), "value": value}:
            _put(_place(document, path), value, insert=False)
        case {"op": "replace", "path": str(path), "value": value}:
            place = _place(document, path)
            place.current()
            _put(place, value, insert=False)
        case {"op": "remove", "path": str(path)}:
            _place(document, path).remove()
        case {"op": "incr" | "increment", "path": str(path), "value": value}:
            _increment(_place(document, path), value)
        case {"op": "move", "path": str(path), "from": str(source)}:
            _move(document, source, path)
        case _:
            raise _CannotPatch("The operation is not one of add, set, replace, remove, incr, move with what it needs.")


class _Place:
    """Where a path points: a member of an object or an index of an array, there already or not."""

    def __init__(self, parent: dict[str, Any] | list[Any], name: str) -> None:
        self.parent = parent
        self.name = name

    def index(self) -> int:
        parent = cast("list[Any]", self.parent)
        if self.name == "-":
            return len(parent)
        if not self.name.isdigit() or int(self.name) > len(parent):
            raise _CannotPatch("The array index is out of bounds.")
        return int(self.name)

    def get(self) -> Any:
        """What is there, _MISSING if nothing."""
        if isinstance(self.parent, dict):
            return self.parent.get(self.name, _MISSING)
        index = self.index()
        return self.parent[index] if index < len(self.parent) else _MISSING

    def current(self) -> Any:
        value = self.get()
        if value is _MISSING:
            raise _CannotPatch("The node to be replaced, removed or moved is absent.")
        return value

    def remove(self) -> Any:
        value = self.current()
        if isinstance(self.parent, dict):
            del self.parent[self.name]
        else:
            del self.parent[self.index()]
        return value


def _place(document: dict[str, Any], path: str) -> _Place:
    names = [name.replace("~1", "/").replace("~0", "~") for name in path.split("/")[1:]]
    if not path.startswith("/") or not names[-1]:
        raise _CannotPatch("The path must start with / and name a property.")
    if names[0] in _SYSTEM:
        raise _CannotPatch("The id and system properties cannot be patched.")
    parent: Any = document
    for name in names[:-1]:
        if not isinstance(parent, dict | list):
            break
        parent = _Place(parent, name).get()
    if not isinstance(parent, dict | list):
        raise _CannotPatch("The parent of the path does not exist; a patch does not create paths recursively.")
    return _Place(parent, names[-1])


def _put(place: _Place, value: Any, *, insert: bool) -> None:
    if isinstance(place.parent, dict):
        place.parent[place.name] = value
        return
    index = place.index()
    if insert or place.name == "-":
        place.parent.insert(index, value)
    elif index < len(place.parent):
        place.parent[index] = value
    else:
        raise _CannotPatch("The array index is out of bounds.")


def _increment(place: _Place, step: Any) -> None:
    current = place.get()
    current = 0 if current is _MISSING else current
    if not is_number(step) or not is_number(current):
        raise _CannotPatch("Only numbers can be incremented, and by a number.")
    if place.get() is _MISSING and isinstance(place.parent, list):
        raise _CannotPatch("The array index is out of bounds.")
    _put(place, current + step, insert=False)


def _move(document: dict[str, Any], source: str, target: str) -> None:
    if target.startswith(source + "/"):
        raise _CannotPatch("A node cannot be moved into itself.")
    value = _place(document, source).remove()
    _put(_place(document, target), value, insert=True)

"""What a patch does to an item, as Cosmos DB does it (partial document update).

`set` writes a leaf, `incr` adds to a number and counts from 0 where there is none, `remove` needs something to remove.
None of them makes the objects on the way to the leaf. In arrays only elements that exist are addressed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.domain.errors import Permanent
from shared.ports import Change


def apply_changes(body: Any, changes: Sequence[Change]) -> None:
    """Change `body` in place. Raises: Permanent (`store_refused`); `body` may then be half changed."""
    for change in changes:
        *way, leaf = [part.replace("~1", "/").replace("~0", "~") for part in change.path[1:].split("/")]
        parent = body
        for part in way:
            parent = parent[_key(parent, part, change)]
        _apply(parent, leaf, change)


def _apply(parent: Any, leaf: str, change: Change) -> None:
    may_be_new = change.op != "remove" and isinstance(parent, dict)
    key = leaf if may_be_new else _key(parent, leaf, change)
    if change.op == "set":
        parent[key] = change.value
    elif change.op == "remove":
        del parent[key]
    else:
        before = parent.get(key, 0) if isinstance(parent, dict) else parent[key]
        if isinstance(before, bool) or not isinstance(before, int | float):
            raise refused(change)
        parent[key] = before + change.value


def _key(parent: Any, part: str, change: Change) -> str | int:
    """The key under which `parent` really holds something."""
    if isinstance(parent, dict) and part in parent:
        return part
    if isinstance(parent, list) and part.isdecimal() and int(part) < len(parent):
        return int(part)
    raise refused(change)


def refused(change: Change) -> Permanent:
    """The error of a change that does not fit the item."""
    return Permanent(f"cannot {change.op} {change.path}", code="store_refused")

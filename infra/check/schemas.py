"""What Azure accepts: the types of its resources, as `export.py` has written them down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "schemas"


@dataclass(frozen=True)
class Property:
    """One property of an object."""

    type: str
    required: bool = False
    read_only: bool = False


@dataclass(frozen=True)
class ObjectType:
    """An object: its properties, and the type of others where others are allowed."""

    properties: Mapping[str, Property]
    additional: str = ""
    discriminator: str = ""
    variants: Mapping[str, ObjectType] = field(default_factory=dict)

    def variant(self, name: str | None) -> ObjectType | None:
        """With the properties that the discriminator's value brings; None when there is no such value."""
        chosen = self.variants.get(name or "")
        if chosen is None:
            return None
        # The discriminator itself may have several values, in a loop: each has been looked at by then.
        told = {self.discriminator: Property("any")}
        return ObjectType({**self.properties, **chosen.properties, **told}, chosen.additional)


@dataclass(frozen=True)
class Schema:
    """A resource type in one version."""

    name: str
    version: str
    scopes: str
    body: ObjectType
    types: Mapping[str, ObjectType]


@cache
def load(name: str) -> Schema | None:
    """By resource type; None when it is not known."""
    path = FOLDER / f"{name.replace('/', '_')}.json"
    if not path.is_file():
        return None
    held = json.loads(path.read_text("utf-8"))
    types = {key: _object(value) for key, value in held["types"].items()}
    return Schema(held["type"], held["version"], held["scopes"], _object(held["body"]), types)


def _object(held: dict[str, Any]) -> ObjectType:
    return ObjectType(
        {
            name: Property(kind, "R" in flags, "O" in flags)
            for name, (kind, _, flags) in ((n, p.partition("!")) for n, p in held["properties"].items())
        },
        held.get("additional", ""),
        held.get("discriminator", ""),
        {name: _object(value) for name, value in held.get("variants", {}).items()},
    )

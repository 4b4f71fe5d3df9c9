"""What a container is: its definition, checked once, and what is derived from it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from localcloud.cosmos import indexing
from localcloud.cosmos.errors import bad_request, not_implemented
from localcloud.cosmos.partition import key_path

_SUPPORTED = {"id", "partitionKey", "indexingPolicy", "defaultTtl"}
_SYSTEM = {"_rid", "_self", "_etag", "_ts", "_docs", "_sprocs", "_triggers", "_udfs", "_conflicts"}
_ID_LIMIT = 255
FOREVER = -1


@dataclass(frozen=True)
class Container:
    """A container; `definition` is what its readers get, `number` its key in the database file."""

    number: int
    database: str
    definition: dict[str, Any]

    @property
    def id(self) -> str:
        """The name its users gave it."""
        return str(self.definition["id"])

    @property
    def rid(self) -> str:
        """Its resource id, unlike its name never used again."""
        return str(self.definition["_rid"])

    @property
    def link(self) -> str:
        """`dbs/{database}/colls/{container}`."""
        return f"dbs/{self.database}/colls/{self.id}"

    @property
    def default_ttl(self) -> int | None:
        """Seconds items live; -1 forever unless an item says otherwise; None: no item expires, whatever it says."""
        return self.definition.get("defaultTtl")

    @property
    def indexing_policy(self) -> dict[str, Any]:
        """The policy, complete."""
        policy: dict[str, Any] = self.definition["indexingPolicy"]
        return policy

    @cached_property
    def key_path(self) -> tuple[str, ...]:
        """Where an item carries its partition key."""
        return key_path(self.definition["partitionKey"])

    @cached_property
    def key_version(self) -> int:
        """Version of the key's hash, 1 or 2."""
        return int(self.definition["partitionKey"].get("version", 1))


def check_id(body: Any) -> str:
    """Return the id of a database or container to be made. Raises: CosmosError 400 when it is none."""
    name = body.get("id") if isinstance(body, dict) else None
    if (
        not isinstance(name, str)
        or not 0 < len(name) <= _ID_LIMIT
        or any(c in name for c in "/\\?#")
        or name[-1] == " "
    ):
        raise bad_request("The input name is invalid: 1 to 255 characters, none of / \\ ? #, no space at the end.")
    return name


def new_definition(body: dict[str, Any]) -> dict[str, Any]:
    """Check what a client wants to create and return it complete.

    Raises: CosmosError 400 for an invalid wish, 501 for a policy the emulator does not honour.
    """
    wanted = {key: value for key, value in body.items() if value is not None and key not in _SYSTEM}
    for feature in sorted(wanted.keys() - _SUPPORTED):
        raise not_implemented(f"containers with {feature}")
    if "defaultTtl" in body and not valid_ttl(body["defaultTtl"]):
        raise bad_request("The input ttl is invalid. Ensure to provide a nonzero positive integer or -1.")
    key_path(wanted.get("partitionKey"))
    return {**wanted, "indexingPolicy": indexing.completed(wanted.get("indexingPolicy"))}


def valid_ttl(value: Any) -> bool:
    """Whether `value` is a time to live: seconds, or -1 for ever."""
    return isinstance(value, int) and not isinstance(value, bool) and (value > 0 or value == FOREVER)

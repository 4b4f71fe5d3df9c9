"""Logical partitions (the value of the partition key) and the physical ranges their hashes fall into."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# The SDK's own hashing: private, but the SDK is pinned, and client and emulator must agree on it.
from azure.cosmos.partition_key import PartitionKey as _SdkPartitionKey
from azure.cosmos.partition_key import _Undefined as _SdkUndefined

from localcloud.cosmos.errors import PARTITION_KEY_MISMATCH, bad_request, not_implemented
from localcloud.cosmos.values import UNDEFINED, dump, is_number, is_scalar, property_at, split_path

_KEY_LIMIT = 2048  # bytes; "Azure Cosmos DB service quotas", per-item limits
_WRONG_KEY = (
    "PartitionKey extracted from document doesn't match the one specified in the header. "
    "The key given must have the single component the container defines."
)


@dataclass(frozen=True)
class PhysicalRange:
    """One partition key range: hashes from `low` (inclusive) to `high` (exclusive), hexadecimal."""

    id: str
    low: str
    high: str


# Two, so that clients have something to merge; hashes of version 2 lie below 40….
RANGES = (PhysicalRange("0", "", "1F" + "F" * 30), PhysicalRange("1", "1F" + "F" * 30, "FF"))


@dataclass(frozen=True)
class PartitionKey:
    """The value of a partition key: `text` is canonical JSON (equal keys, equal text), `hash` its place."""

    text: str
    hash: str

    @property
    def range_id(self) -> str:
        """Id of the physical range the key belongs to."""
        return RANGES[1].id if self.hash >= RANGES[1].low else RANGES[0].id


def key_path(definition: Any) -> tuple[str, ...]:
    """Check a container's `partitionKey` and return the path of its key.

    Raises: CosmosError 400 when it has none, 501 for hierarchical keys.
    """
    match definition:
        case {"paths": [str(path)], **rest} if path.startswith("/") and rest.get("kind", "Hash") == "Hash":
            return split_path(path)
        case {"paths": [_, *_]}:
            raise not_implemented("hierarchical partition keys")
    raise bad_request("The partition key definition must have a path.")


def key_of(document: Any, path: tuple[str, ...], version: int) -> PartitionKey:
    """Return the key a document carries at `path`; an array or object there counts as undefined."""
    value = property_at(document, path)
    return make_key(value if is_scalar(value) else UNDEFINED, version)


def key_from_header(header: str | None, version: int) -> PartitionKey | None:
    """Read `x-ms-documentdb-partitionkey`, a JSON list of one value; None without the header.

    Raises: CosmosError 400 (sub-status 1001) for anything but one value.
    """
    if header is None:
        return None
    try:
        values = json.loads(header)
    except ValueError as error:
        raise bad_request("The partition key supplied in the header is not JSON.") from error
    if not isinstance(values, list) or len(values) != 1:
        raise bad_request(_WRONG_KEY, PARTITION_KEY_MISMATCH)
    return make_key(UNDEFINED if values[0] == {} else values[0], version)


def make_key(value: Any, version: int) -> PartitionKey:
    """Return the key of one JSON value or UNDEFINED."""
    if value is not UNDEFINED and not is_scalar(value):
        raise bad_request("The partition key must be a string, a number, a boolean or null.")
    text = "{}" if value is UNDEFINED else dump(float(value) if is_number(value) else value)
    if len(text.encode()) > _KEY_LIMIT:
        raise bad_request(f"The partition key is longer than {_KEY_LIMIT} bytes.")
    return PartitionKey(text, _hash(text, version))


def mismatch() -> Exception:
    """The header names another partition than the document does (400, sub-status 1001)."""
    return bad_request(_WRONG_KEY, PARTITION_KEY_MISMATCH)


@lru_cache(maxsize=4096)
def _hash(text: str, version: int) -> str:
    value = json.loads(text)
    component = _SdkUndefined() if value == {} else value
    return str(_SdkPartitionKey("/key", version=version)._get_effective_partition_key_string([component]))

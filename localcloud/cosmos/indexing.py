"""Indexing policies: stored as given, and honoured where an app would notice, in what ORDER BY may use."""

from collections.abc import Sequence
from typing import Any

from localcloud.cosmos.errors import bad_request
from localcloud.cosmos.values import split_path

_ETAG_PATH = {"path": '/"_etag"/?'}


def completed(policy: dict[str, Any] | None) -> dict[str, Any]:
    """Return `policy` with what Azure adds: everything indexed unless excluded, `_etag` never."""
    wanted = policy or {}
    excluded = [path for path in wanted.get("excludedPaths", []) if path != _ETAG_PATH]
    return {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": "/*"}],
        **wanted,
        "excludedPaths": [*excluded, _ETAG_PATH],
    }


def check_order_by(policy: dict[str, Any], order: Sequence[tuple[tuple[str, ...], bool]]) -> None:
    """Refuse an ORDER BY, pairs of (path, descending), that the index cannot serve.

    Raises: CosmosError 400 for an excluded path, or several properties without their composite index.
    """
    if len(order) > 1:
        if not any(_serves(index, order) for index in policy.get("compositeIndexes", [])):
            raise bad_request(
                "The order by query does not have a corresponding composite index that it can be served from."
            )
        return
    for path, _ in order:
        if policy["indexingMode"] == "none" or not _indexed(policy, path):
            raise bad_request("The index path corresponding to the specified order-by item is excluded.")


def _serves(index: list[dict[str, str]], order: Sequence[tuple[tuple[str, ...], bool]]) -> bool:
    """A composite index serves its own order and the exact reverse."""
    if [split_path(entry["path"]) for entry in index] != [path for path, _ in order]:
        return False
    same = [
        (entry.get("order", "ascending") == "descending") == desc for entry, (_, desc) in zip(index, order, strict=True)
    ]
    return all(same) or not any(same)


def _indexed(policy: dict[str, Any], path: tuple[str, ...]) -> bool:
    """The more precise of two paths wins, as the documentation of indexing policies has it."""
    included = max((_precision(entry["path"], path) for entry in policy.get("includedPaths", [])), default=0)
    excluded = max((_precision(entry["path"], path) for entry in policy.get("excludedPaths", [])), default=0)
    return included > excluded


def _precision(pattern: str, path: tuple[str, ...]) -> int:
    """0 when `pattern` does not cover the scalar at `path`, more the closer it fits."""
    *names, end = split_path("/*" if pattern == "/" else pattern)  # as policies were written at first
    if end == "?" and tuple(names) == path:
        return 2 * len(path) + 2
    if end == "*" and path[: len(names)] == tuple(names):
        return 2 * len(names) + 1
    return 0

"""Items in Azure Cosmos DB for NoSQL: point operations, patches, batches and queries within one partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions

from shared.adapters.cosmos_client import CosmosConnection
from shared.adapters.cosmos_errors import in_our_words
from shared.adapters.item_rules import Listing, check_id, check_steps, invalid_continuation, item_id_of
from shared.domain.errors import NotFound, Permanent
from shared.ports import Change, Create, Delete, Item, JsonObject, Page, Patch, Replace, Step, Upsert

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_SYSTEM_FIELDS = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts"})


class CosmosItems:
    """`ItemStore` over azure-cosmos. Nothing connects before the first call; one instance serves one event loop.

    `may_create` lets it make the database and containers (on a laptop); in Azure infra does that. A call takes at
    most `deadline_s` seconds, the first one of each container up to twice that, then raises StoreUnavailable.
    Ids and limits that break the contract raise ValueError; an item too large for the store raises TooLarge.
    """

    def __init__(
        self,
        endpoint: str,
        credential: str | AsyncTokenCredential,
        *,
        database: str = "scribe",
        may_create: bool = False,
        deadline_s: float = 5.0,
    ) -> None:
        self._connection = CosmosConnection(
            endpoint, credential, database=database, may_create=may_create, deadline_s=deadline_s
        )
        self._deadline_s = deadline_s

    async def close(self) -> None:
        """Close the connection; a later call opens another."""
        await self._connection.close()

    async def read(self, container: str, partition: str, item_id: str) -> Item | None:
        """A point read; None when absent."""
        check_id(item_id)
        target = await self._connection.container(container)
        try:
            async with in_our_words(f"read {container}/{item_id}", deadline_s=self._deadline_s):
                return _item(await target.read_item(item_id, partition_key=partition))
        except NotFound:
            return None

    async def create(self, container: str, partition: str, body: JsonObject) -> Item:
        """Raises: AlreadyExists, TooLarge."""
        check_steps(container, partition, [Create(body)])
        target = await self._connection.container(container)
        async with in_our_words(f"create {container}/{body['id']}", deadline_s=self._deadline_s):
            return _item(await target.create_item(body))

    async def upsert(self, container: str, partition: str, body: JsonObject) -> Item:
        """Create or replace. Raises: TooLarge."""
        check_steps(container, partition, [Upsert(body)])
        target = await self._connection.container(container)
        async with in_our_words(f"upsert {container}/{body['id']}", deadline_s=self._deadline_s):
            return _item(await target.upsert_item(body))

    async def replace(self, container: str, partition: str, body: JsonObject, *, etag: str | None = None) -> Item:
        """Raises: NotFound, PreconditionFailed, TooLarge."""
        check_steps(container, partition, [Replace(body, etag)])
        target = await self._connection.container(container)
        async with in_our_words(f"replace {container}/{body['id']}", deadline_s=self._deadline_s):
            return _item(await target.replace_item(body["id"], body, **_if_match(etag)))

    async def patch(
        self, container: str, partition: str, item_id: str, changes: Sequence[Change], *, etag: str | None = None
    ) -> Item:
        """Raises: NotFound, PreconditionFailed, TooLarge, Permanent (`store_refused`)."""
        check_steps(container, partition, [Patch(item_id, changes, etag)])
        target = await self._connection.container(container)
        async with in_our_words(f"patch {container}/{item_id}", deadline_s=self._deadline_s):
            return _item(await target.patch_item(item_id, partition, _operations(changes), **_if_match(etag)))

    async def delete(self, container: str, partition: str, item_id: str, *, etag: str | None = None) -> None:
        """Raises: NotFound, PreconditionFailed."""
        check_steps(container, partition, [Delete(item_id, etag)])
        target = await self._connection.container(container)
        async with in_our_words(f"delete {container}/{item_id}", deadline_s=self._deadline_s):
            await target.delete_item(item_id, partition, **_if_match(etag))

    async def batch(self, container: str, partition: str, steps: Sequence[Step]) -> Sequence[Item | None]:
        """All steps or none. Raises: the error of the first step that failed."""
        check_steps(container, partition, steps)
        target = await self._connection.container(container)
        async with in_our_words(f"batch of {len(steps)} in {container}", deadline_s=self._deadline_s):
            results = await target.execute_item_batch([_batch_operation(step) for step in steps], partition)
        return [_item(row["resourceBody"]) if row.get("resourceBody") else None for row in results]

    async def query(
        self,
        container: str,
        partition: str,
        *,
        equal: Mapping[str, Any],
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        continuation: str | None = None,
    ) -> Page:
        """One page; fewer than `limit` items do not mean that it is the last."""
        listing = Listing(container, partition, equal, order_by, descending, limit)
        token = listing.token(continuation)
        try:
            rows, token = await self._page(listing, token)
        except Permanent as exc:
            if continuation is None or exc.code != "store_refused":
                raise
            raise invalid_continuation() from None  # the first page was accepted, so it is the token it refuses
        return Page(items=[_item(row) for row in rows], continuation=listing.continuation(token))

    async def _page(self, listing: Listing, token: str | None) -> tuple[list[JsonObject], str | None]:
        target = await self._connection.container(listing.container)
        after: list[str | None] = [None]  # the SDK keeps it per client, where calls side by side would mix it up

        def keep_token(headers: Mapping[str, str], _: object) -> None:
            after[:] = [headers.get("x-ms-continuation")]

        async with in_our_words(f"query {listing.container}", deadline_s=self._deadline_s):
            pages = target.query_items(
                _sql(listing),
                parameters=[{"name": f"@{name}", "value": value} for name, value in listing.equal.items()],
                partition_key=listing.partition,
                max_item_count=listing.limit,
                response_hook=keep_token,
            ).by_page(token)
            async for page in pages:
                return [row async for row in page], after[-1]
        return [], None


def _sql(listing: Listing) -> str:
    """Field names are checked by Listing; values go as parameters."""
    where = " AND ".join(f"c.{name} = @{name}" for name in listing.equal)
    order = f" ORDER BY c.{listing.order_by} {'DESC' if listing.descending else 'ASC'}" if listing.order_by else ""
    return "SELECT * FROM c" + (f" WHERE {where}" if where else "") + order  # noqa: S608


def _item(stored: Mapping[str, Any]) -> Item:
    body = {name: value for name, value in stored.items() if name not in _SYSTEM_FIELDS}
    return Item(body=body, etag=stored["_etag"])


def _if_match(etag: str | None) -> dict[str, Any]:
    return {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _operations(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {"op": change.op, "path": change.path} | ({} if change.op == "remove" else {"value": change.value})
        for change in changes
    ]


def _batch_operation(step: Step) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    match step:
        case Create(body):
            return "create", (body,), {}
        case Upsert(body):
            return "upsert", (body,), {}
        case Replace(body, etag):
            return "replace", (item_id_of(step), body), _batch_if_match(etag)
        case Patch(item_id, changes, etag):
            return "patch", (item_id, _operations(changes)), _batch_if_match(etag)
        case Delete(item_id, etag):
            return "delete", (item_id,), _batch_if_match(etag)


def _batch_if_match(etag: str | None) -> dict[str, Any]:
    return {} if etag is None else {"if_match_etag": etag}

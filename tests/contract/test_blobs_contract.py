"""What every BlobStore keeps: Azurite through the real SDK, and the in-memory twin."""

import asyncio
import io
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from shared.adapters.azure_blobs import PIECE, WHOLE, AzureBlobs
from shared.adapters.memory_blobs import MemoryBlobs
from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed, ScribeError, StoreUnavailable

TEXT = "text/plain"
LARGE = bytes(range(256)) * (3 * PIECE // 256)


@pytest.fixture(params=["memory", "azurite"])
async def blobs(request):
    if request.param == "memory":
        yield MemoryBlobs()
        return
    store = AzureBlobs(request.getfixturevalue("azurite").connection_string)
    yield store
    await store.close()


@pytest.fixture
def container():
    return f"c{uuid.uuid4().hex}"


async def create(blobs, container, name, body, **metadata):
    await blobs.create(container, name, body, content_type=TEXT, metadata=metadata)


async def replace(blobs, container, name, body, *, etag):
    await blobs.replace(container, name, body, etag=etag, content_type=TEXT, metadata={"kind": "y"})


async def test_what_was_written_is_read_back(blobs, container):
    await create(blobs, container, "a/b.txt", b"hello", sha256="00")
    assert await blobs.read(container, "a/b.txt") == b"hello"
    info = await blobs.info(container, "a/b.txt")
    assert (info.name, info.size, info.content_type, info.metadata) == ("a/b.txt", 5, TEXT, {"sha256": "00"})


@pytest.mark.parametrize("body", [b"small", LARGE], ids=["one request", "blocks"])
async def test_create_never_overwrites(blobs, container, body):
    await create(blobs, container, "a", io.BytesIO(body))
    with pytest.raises(AlreadyExists):
        await create(blobs, container, "a", io.BytesIO(body + b"!"))
    assert await blobs.read(container, "a") == body


@pytest.mark.parametrize("size", [0, 1, WHOLE - 1, WHOLE, WHOLE + 1, 3 * PIECE + 1])
async def test_a_file_of_any_size_arrives_whole(blobs, container, size):
    body = LARGE[:size] if size <= len(LARGE) else LARGE + bytes(size - len(LARGE))
    await create(blobs, container, "a", io.BytesIO(body), sha256="00")
    assert await blobs.read(container, "a") == body
    info = await blobs.info(container, "a")
    assert (info.size, info.content_type, info.metadata) == (size, TEXT, {"sha256": "00"})


async def test_two_writers_of_a_large_blob_never_mix(blobs, container):
    await create(blobs, container, "first", b"")  # the container is there before the race
    bodies = [bytes([n]) * (3 * PIECE) for n in range(4)]
    results = await asyncio.gather(
        *(create(blobs, container, "a", io.BytesIO(body)) for body in bodies), return_exceptions=True
    )
    winners = [body for body, result in zip(bodies, results, strict=True) if result is None]
    assert len(winners) == 1
    assert all(isinstance(result, AlreadyExists) for result in results if result is not None)
    assert await blobs.read(container, "a") == winners[0]


async def test_put_replaces_and_changes_the_etag(blobs, container):
    await create(blobs, container, "a", b"1")
    before = await blobs.info(container, "a")
    await blobs.put(container, "a", b"22", content_type=TEXT, metadata={})
    after = await blobs.info(container, "a")
    assert after.size == 2
    assert after.etag != before.etag


async def test_only_the_version_that_was_seen_is_replaced(blobs, container):
    await create(blobs, container, "a", b"1")
    seen = (await blobs.info(container, "a")).etag
    await replace(blobs, container, "a", b"22", etag=seen)
    assert await blobs.read(container, "a") == b"22"
    info = await blobs.info(container, "a")
    assert (info.content_type, info.metadata) == (TEXT, {"kind": "y"})
    with pytest.raises(PreconditionFailed):
        await replace(blobs, container, "a", b"333", etag=seen)
    assert await blobs.read(container, "a") == b"22"


async def test_what_was_deleted_since_is_not_written_again(blobs, container):
    await create(blobs, container, "a", b"1")
    seen = (await blobs.info(container, "a")).etag
    await blobs.delete(container, "a")
    with pytest.raises(PreconditionFailed):
        await replace(blobs, container, "a", b"22", etag=seen)
    assert await blobs.info(container, "a") is None


async def test_a_file_is_sent_from_where_it_stands(blobs, container):
    body = io.BytesIO(b"0123456789")
    body.seek(4)
    await create(blobs, container, "a", body)
    assert await blobs.read(container, "a") == b"456789"


@pytest.mark.parametrize(("start", "length"), [(0, None), (5, None), (PIECE - 1, 3), (len(LARGE) - 2, 10)])
async def test_any_range_can_be_streamed(blobs, container, start, length):
    await create(blobs, container, "a", LARGE)
    pieces = [piece async for piece in blobs.stream(container, "a", start=start, length=length)]
    end = len(LARGE) if length is None else start + length
    assert b"".join(pieces) == LARGE[start:end]
    assert all(len(piece) <= PIECE for piece in pieces)


async def test_what_is_not_there_is_said_so(blobs, container):
    assert await blobs.info(container, "nothing") is None
    with pytest.raises(NotFound):
        await blobs.read(container, "nothing")
    with pytest.raises(NotFound):
        _ = [piece async for piece in blobs.stream(container, "nothing")]
    await blobs.delete(container, "nothing")


async def test_deleted_is_gone_and_may_be_created_again(blobs, container):
    await create(blobs, container, "a", b"1")
    await blobs.delete(container, "a")
    assert await blobs.info(container, "a") is None
    await create(blobs, container, "a", b"2")


async def test_list_gives_names_with_the_prefix_in_order(blobs, container):
    for name in ("d/b", "d/a", "e/a"):
        await create(blobs, container, name, b"x", kind="y")
    found = [info async for info in blobs.list(container, "d/")]
    assert [info.name for info in found] == ["d/a", "d/b"]
    assert found[0].metadata == {"kind": "y"}
    assert [info async for info in blobs.list(f"{container}x", "")] == []


async def test_a_url_of_the_store_is_known_whatever_is_signed(blobs, container):
    url = await blobs.signed_upload_url(container, "d/ä b.wav", expires=datetime.now(UTC) + timedelta(minutes=5))
    bare = url.partition("?")[0]
    for spelled in (url, bare, f"{bare}?sv=2020-01-01&sig=expired"):
        assert blobs.name_in(container, spelled) == "d/ä b.wav"
    for foreign in (
        bare.replace(container, "another"),
        "https://example.org/a.wav",
        f"https://example.org/{bare}",
        "x",
    ):
        assert blobs.name_in(container, foreign) is None


async def test_a_signed_url_takes_one_blob_and_gives_it_back(azurite, container):
    """Of the real thing only: nobody listens in memory."""
    store = AzureBlobs(azurite.connection_string)
    url = await store.signed_upload_url(container, "d/a.wav", expires=datetime.now(UTC) + timedelta(minutes=5))
    late = await store.signed_upload_url(container, "d/b.wav", expires=datetime.now(UTC) - timedelta(minutes=5))
    headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "audio/wav"}
    async with httpx.AsyncClient() as client:
        assert (await client.put(url, content=b"sound", headers=headers)).status_code == 201
        assert (await client.get(url)).content == b"sound"
        assert (await client.put(url.replace("a.wav", "b.wav"), content=b"x", headers=headers)).status_code == 403
        assert (await client.put(late, content=b"x", headers=headers)).status_code == 403
        assert (await client.delete(url)).status_code == 403
    info = await store.info(container, "d/a.wav")
    assert info is not None
    assert (info.size, info.content_type) == (5, "audio/wav")
    await store.close()


@pytest.fixture
async def away():
    """A store at an address where nobody listens."""
    store = AzureBlobs(
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=c2VjcmV0;"
        "BlobEndpoint=http://127.0.0.1:9/devstoreaccount1;"
    )
    yield store
    await store.close()


async def test_storage_that_is_away_is_said_to_be_unavailable(away):
    with pytest.raises(StoreUnavailable):
        await away.read("c", "a")


MARIA = "t/c/2026-02-23/Maria Jones.wav"


async def write(blobs, container):
    await create(blobs, container, MARIA, b"audio")


async def read(blobs, container):
    await blobs.read(container, MARIA)


async def stream(blobs, container):
    _ = [piece async for piece in blobs.stream(container, MARIA)]


async def look(blobs, container):
    await blobs.info(container, MARIA)


async def write_over(blobs, container):
    await replace(blobs, container, MARIA, b"audio", etag='"1"')


async def delete(blobs, container):
    await blobs.delete(container, MARIA)


async def find(blobs, container):
    _ = [info async for info in blobs.list(container, MARIA)]


async def message_of(doing, blobs, container):
    with pytest.raises(ScribeError) as caught:
        await doing(blobs, container)
    return str(caught.value)


@pytest.mark.parametrize("doing", [read, stream])
async def test_what_is_missing_is_not_named(blobs, container, doing):
    message = await message_of(doing, blobs, container)
    assert container in message
    assert "Maria" not in message


async def test_what_is_there_already_is_not_named(blobs, container):
    await write(blobs, container)
    message = await message_of(write, blobs, container)
    assert container in message
    assert "Maria" not in message


@pytest.mark.parametrize("doing", [write, write_over, read, stream, look, delete, find])
async def test_what_cannot_be_reached_is_not_named(away, doing):
    message = await message_of(doing, away, "c1")
    assert "c1" in message
    assert "Maria" not in message


@pytest.mark.parametrize("doing", [write, write_over, read, stream, look, delete, find])
async def test_what_storage_refuses_is_not_named(azurite, doing):
    """A container's name that no storage takes."""
    blobs = AzureBlobs(azurite.connection_string)
    message = await message_of(doing, blobs, "No_Container")
    await blobs.close()
    assert "No_Container" in message
    assert "Maria" not in message

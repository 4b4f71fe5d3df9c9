"""What a service was asked with and what it answered stays out of the errors that stand for it.

The host logs whatever a function raises, with all that stands behind it. So every family of adapters is asked through
its real SDK, the answers hold a secret wherever an answer can, and what the host would log is searched for it.
"""

from __future__ import annotations

import io
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.adapters.azure_answers import Patience
from shared.adapters.azure_blobs import WHOLE, AzureBlobs
from shared.adapters.azure_identity import app_identity
from shared.adapters.azure_openai import ChatModel
from shared.adapters.azure_queues import AzureQueues
from shared.adapters.cosmos_items import CosmosItems
from shared.adapters.document_intelligence import DocumentIntelligenceEngine
from shared.adapters.guarded_web import Caps, GuardedWeb
from shared.adapters.item_rules import Listing
from shared.adapters.jwt_tokens import JwtVerifier
from shared.adapters.key_vault import KeyVaultKek
from shared.adapters.local_kek import LocalKek
from shared.audio.sources import ChunkSource
from shared.audio.stitch import stitch
from shared.domain.addresses import AddressRule
from shared.domain.document import DocumentAnalysis, DocumentKind
from shared.domain.errors import ScribeError, StoreUnavailable
from shared.domain.names import RECORDINGS_BLOBS, SESSIONS
from shared.ports import Change, Create, Delete, WrappedKey
from tests.engines import ToneSpeech, say
from tests.servers import document_intelligence, openai
from tests.servers.cosmos_account import Account
from tests.servers.engines import azure_engine
from tests.servers.faults import Fault, Server, Trouble
from tests.servers.key_vault import KEY, KeyVault
from tests.servers.managed_identity import ManagedIdentity
from tests.servers.quoting import BODY, HEADERS, SECRET, Quoting
from tests.servers.site import PUBLIC, Site, reply
from tests.servers.speech import SpeechServer
from tests.unit.services.world import SCRIPT

SIGNATURE = "c2lnbmF0dXJl7f3a"
"""Of an address: whoever reads it may do what it allows."""
REFUSALS = [400, 401, 403, 404, 409, 412, 413, 422]
NONSENSE = 200
"""A success in which nothing is as it should be."""
ALWAYS = 99
ONCE = Patience(attempts=1, first_wait_s=0)

Call = Callable[[], Awaitable[object]]


async def raised_by(*calls: Call) -> list[ScribeError]:
    """The errors of those that fail; an error that is none of ours is a failure of the test."""
    raised: list[ScribeError] = []
    for call in calls:
        try:
            await call()
        except ScribeError as error:
            raised.append(error)
    return raised


def assert_tells_nothing(raised: Iterable[ScribeError], *, hidden: str | None = SECRET) -> None:
    """`hidden` must stand in what was kept back from one of them at least: else nothing was put to the test."""
    raised = list(raised)
    assert raised
    for error in raised:
        told = "".join(traceback.format_exception(error))
        assert SECRET not in told
        assert SIGNATURE not in told
    assert hidden is None or any(hidden in kept_back(error) for error in raised)


def kept_back(error: BaseException | None) -> str:
    """What stands behind an error, whether it would be told or not."""
    texts = []
    while error is not None:
        error = error.__cause__ or error.__context__
        texts.append(f"{error!r} {error}")
    return "\n".join(texts)


def faults(*statuses: int, path: str = "") -> list[Fault]:
    """One at a time, each until the next."""
    return [Fault(status=status, times=ALWAYS, body=BODY, headers=HEADERS, path=path) for status in statuses]


async def raised_under(server: Server, fault: Fault, *calls: Call) -> list[ScribeError]:
    server.faults = [fault]
    return await raised_by(*calls)


# ---- stores --------------------------------------------------------------------------------------------------------


@pytest.fixture
def storage() -> Iterator[Quoting]:
    with Quoting() as running:
        yield running


def account(storage: Quoting, kind: str) -> str:
    return f"{kind}Endpoint={storage.url}/account;SharedAccessSignature=sv=2024-11-04&sig={SIGNATURE}"


@pytest.fixture
async def blobs(storage: Quoting) -> AsyncIterator[AzureBlobs]:
    async with AsyncExitStack() as made:
        opened = AzureBlobs(account(storage, "Blob"))
        made.push_async_callback(opened.close)
        yield opened


async def drained(pieces: AsyncIterator[object]) -> None:
    async with aclosing(pieces):  # type: ignore[type-var]
        async for _ in pieces:
            pass


def every_use(blobs: AzureBlobs) -> list[Call]:
    where = (RECORDINGS_BLOBS, "therapist/pair/2026-02-23/rec.wav")
    how: dict[str, Any] = {"content_type": "audio/wav", "metadata": {}}
    return [
        lambda: blobs.info(*where),
        lambda: blobs.read(*where),
        lambda: drained(blobs.stream(*where)),
        lambda: drained(blobs.list(RECORDINGS_BLOBS, "therapist/")),
        lambda: blobs.create(*where, b"sound", **how),
        lambda: blobs.create(*where, io.BytesIO(bytes(WHOLE + 1)), **how),
        lambda: blobs.put(*where, b"sound", **how),
        lambda: blobs.delete(*where),
        lambda: blobs.signed_upload_url(*where, expires=datetime(2099, 1, 1, tzinfo=UTC)),
    ]


@pytest.mark.parametrize("status", [NONSENSE, *REFUSALS])
async def test_blobs(storage, blobs, status):
    storage.status = status
    raised = await raised_by(*every_use(blobs))
    assert_tells_nothing(raised, hidden=None if status == NONSENSE else SECRET)


async def test_a_success_that_cannot_be_read_is_asked_for_again(storage, blobs):
    storage.status = NONSENSE
    raised = await raised_by(*every_use(blobs))
    assert {type(error) for error in raised} == {StoreUnavailable}


async def test_blobs_of_a_service_that_is_away(storage, blobs):
    look, *_ = every_use(blobs)
    assert_tells_nothing(await raised_under(storage, Fault(Trouble.DROPPED, ALWAYS), look), hidden=None)


@pytest.mark.parametrize("status", [NONSENSE, *REFUSALS])
async def test_queues(storage, status):
    storage.status = status
    queues = AzureQueues(account(storage, "Queue"))
    raised = await raised_by(lambda: queues.send("fetch", {"session_id": "session-1"}), queues.reachable)
    await queues.close()
    assert_tells_nothing(raised, hidden=None if status == NONSENSE else SECRET)


@pytest.mark.parametrize("status", [NONSENSE, *REFUSALS, 449, 503])
async def test_items(status):
    cosmos = Account(status=status, body=BODY, headers=dict(HEADERS), text=SECRET if status == NONSENSE else None)
    await cosmos.start()
    items = CosmosItems(cosmos.endpoint, "a2V5")
    body = {"id": "one", "session_id": "s", "text": SECRET}
    changes = [Change("set", "/text", SECRET)]
    raised = await raised_by(
        lambda: items.read(SESSIONS, "s", "one"),
        lambda: items.create(SESSIONS, "s", body),
        lambda: items.upsert(SESSIONS, "s", body),
        lambda: items.replace(SESSIONS, "s", body, etag="etag"),
        lambda: items.patch(SESSIONS, "s", "one", changes),
        lambda: items.delete(SESSIONS, "s", "one"),
        lambda: items.batch(SESSIONS, "s", [Create(body), Delete("two")]),
        lambda: items.query(SESSIONS, "s", equal={"text": SECRET}),
    )
    await items.close()
    assert_tells_nothing(raised, hidden=None if status == NONSENSE else SECRET)
    cosmos.container_status = status
    items = CosmosItems(cosmos.endpoint, "a2V5")
    raised += await raised_by(lambda: items.read(SESSIONS, "s", "one"))
    assert_tells_nothing(raised, hidden=None)
    await items.close()
    await cosmos.stop()


async def test_a_list_asked_to_go_on_from_nowhere(cosmos):
    """The emulator, as the service, quotes the continuation that it does not understand."""
    items = CosmosItems(cosmos.endpoint, cosmos.key, may_create=True)
    for n in range(2):
        await items.upsert(SESSIONS, "s-of-nobody", {"id": f"{n}", "session_id": "s-of-nobody"})
    first = await items.query(SESSIONS, "s-of-nobody", equal={}, limit=1)
    assert first.continuation is not None
    forged = Listing(SESSIONS, "s-of-nobody", {}, None, False, 1).continuation(SECRET)
    raised = await raised_by(lambda: items.query(SESSIONS, "s-of-nobody", equal={}, limit=1, continuation=forged))
    await items.close()
    assert_tells_nothing(raised, hidden=None)


# ---- the web -------------------------------------------------------------------------------------------------------

ANSWERS = [
    reply(f"404 {SECRET}", SECRET.encode(), x_detail=SECRET),
    reply(f"500 {SECRET}", SECRET.encode(), x_detail=SECRET),
    reply("302 Found", location=f"/again?{SIGNATURE}"),
    reply("302 Found", location=f"http://127.0.0.1/{SIGNATURE}"),
    reply("302 Found", location=f"{SECRET}://{SIGNATURE}"),
    reply("200 OK", SECRET.encode(), content_encoding=SECRET),
    reply("200 OK", SECRET.encode(), content_length=SECRET),
    f"HTTP/1.1 {SECRET}\r\n\r\n".encode(),
    f"{SECRET}\r\n\r\n".encode(),
    f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n".encode(),
    f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode(),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
async def test_recordings_fetched_and_webhooks_delivered(answer):
    web = GuardedWeb(rule=AddressRule(frozenset({IPv4Address(PUBLIC)})), caps=Caps(total_s=20, idle_s=5))
    async with Site().listening() as site:
        site.pages = {"/sound": answer, "/again": answer}
        url = f"http://{PUBLIC}:{site.port}/sound?sig={SIGNATURE}"
        fetched = await raised_by(lambda: web.download(url, io.BytesIO(), max_bytes=1000))
        delivered = await raised_by(
            lambda: web.post(url, SECRET.encode(), {"webhook-signature": SIGNATURE}, timeout_s=20)
        )
    assert_tells_nothing(fetched, hidden=None)
    if delivered:
        assert_tells_nothing(delivered, hidden=None)


@pytest.mark.parametrize("where", [f"http://{PUBLIC}:9/?sig=", "http://127.0.0.1/?sig=", "ftp://nowhere.example/"])
async def test_addresses_that_lead_nowhere(where):
    web, url = GuardedWeb(rule=AddressRule(frozenset({IPv4Address(PUBLIC)}))), where + SIGNATURE
    raised = await raised_by(
        lambda: web.download(url, io.BytesIO(), max_bytes=1000),
        lambda: web.post(url, b"{}", {}, timeout_s=5),
        lambda: web.check(url),
    )
    assert_tells_nothing(raised, hidden=None)


# ---- engines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["azure", "azure-fast", "azure-auto"])
async def test_speech(name, tmp_path: Path):
    audio, chunk = tmp_path / "session.flac", tmp_path / "chunk.wav"
    stitch([ChunkSource("0", chunk, chunk.write_bytes(say(0)))], audio)
    with SpeechServer(ToneSpeech([SECRET, *SCRIPT[1:]])) as server:
        raised = []
        for fault in [*faults(400, 401, 500), Fault(Trouble.MALFORMED, ALWAYS)]:
            engine = azure_engine(name, server)
            raised += await raised_under(server, fault, lambda: engine.transcribe(audio, locale="en-US"))  # noqa: B023
    # Over a websocket the SDK tells of its errors by events; there is nothing to raise.
    assert_tells_nothing(raised, hidden=None if name == "azure" else SECRET)


async def test_documents(tmp_path: Path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    read = DocumentAnalysis(content=SECRET, pages=1)
    with document_intelligence.DocumentIntelligence(reads=read) as server:
        engine = DocumentIntelligenceEngine(
            server.url, document_intelligence.KEY, patience=ONCE, polling_interval_s=0.01
        )
        raised = []
        for path in (":analyze", "analyzeResults"):
            for fault in [*faults(400, 401, 404, 500, path=path), Fault(Trouble.DROPPED, ALWAYS, path)]:
                raised += await raised_under(server, fault, lambda: engine.analyse(picture, DocumentKind.PNG))
        for trouble in (Trouble.MALFORMED, Trouble.TRUNCATED):
            fault = Fault(trouble, ALWAYS, "analyzeResults")
            raised += await raised_under(server, fault, lambda: engine.analyse(picture, DocumentKind.PNG))
        await engine.close()
    assert_tells_nothing(raised)


async def test_documents_behind_a_gateway_that_does_not_speak_json(storage, tmp_path: Path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    storage.status, storage.text = 502, True
    engine = DocumentIntelligenceEngine(storage.url, document_intelligence.KEY, patience=ONCE)
    raised = await raised_by(lambda: engine.analyse(picture, DocumentKind.PNG))
    await engine.close()
    assert_tells_nothing(raised, hidden=None)


async def test_notes():
    messages: Any = [{"role": "user", "content": SECRET}]
    with openai.OpenAI() as server:
        model = ChatModel(server.url, openai.DEPLOYMENT, openai.KEY, patience=ONCE)
        server.replies = [SECRET] * ALWAYS
        raised = []
        for fault in [*faults(400, 401, 404, 500), Fault(Trouble.MALFORMED, ALWAYS), Fault(Trouble.TRUNCATED, ALWAYS)]:
            raised += await raised_under(server, fault, lambda: model.ask(messages, name="note", schema={}))
        await model.close()
    assert_tells_nothing(raised)


# ---- keys ----------------------------------------------------------------------------------------------------------


async def test_keys_in_a_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wrapped = WrappedKey(kek_id=f"{KEY}/0123", wrapped=b"wrapped")
    raised = []
    with KeyVault(tmp_path) as vault, ManagedIdentity() as identity:
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)
        async with app_identity(developing=False) as credential:
            kek = KeyVaultKek(vault.url, KEY, lambda: credential, ca_file=vault.ca_file, patience=ONCE, timeout_s=5)
            uses: list[Call] = [kek.current, lambda: kek.wrap(bytes(32)), lambda: kek.unwrap(wrapped)]
            for fault in [*faults(400, 401, 404, 500), Fault(Trouble.MALFORMED, ALWAYS)]:
                raised += await raised_under(vault, fault, *uses)
            await kek.close()
    assert_tells_nothing(raised)


async def test_tokens_of_the_apps_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with KeyVault(tmp_path) as vault, ManagedIdentity() as identity:
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)
        identity.faults = faults(400)
        async with app_identity(developing=False) as credential:
            kek = KeyVaultKek(vault.url, KEY, lambda: credential, ca_file=vault.ca_file, patience=ONCE)
            raised = await raised_by(kek.current)
            await kek.close()
    assert_tells_nothing(raised, hidden=None)


@pytest.mark.parametrize(
    "content", [SECRET, f'{{"keys": "{SECRET}"}}', f'{{"keys": [{{"id": "1", "key": "{SECRET}"}}]}}']
)
async def test_keys_in_a_file(tmp_path: Path, content: str):
    path = tmp_path / "kek.json"
    path.write_text(content)
    kek = LocalKek(path, may_create=False)
    assert_tells_nothing(await raised_by(kek.current, lambda: kek.wrap(bytes(32))), hidden=None)


@pytest.mark.parametrize("status", [NONSENSE, 404, 500])
async def test_keys_of_the_token_issuer(storage, status):
    storage.status = status
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode({"sub": SECRET}, key, algorithm="RS256", headers={"kid": SIGNATURE})
    verifier = JwtVerifier(issuer="issuer", audience="audience", jwks_url=f"{storage.url}/jwks?sig={SIGNATURE}")
    assert_tells_nothing(await raised_by(lambda: verifier.verify(token)), hidden=None if status == NONSENSE else SECRET)

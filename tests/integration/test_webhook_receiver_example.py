"""The receiver that partners copy believes what was signed, once, and nothing else."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import HTTPServer
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from shared.domain.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "webhook_receiver.py"
SECRET = "whsec_of-a-test"
BODY = json.dumps({"eventId": "e1", "type": "processing.done", "processingId": "p1"}).encode()


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("webhook_receiver_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.Receiver.secret = SECRET
    module.Receiver.log_message = lambda *_: None
    return module


@pytest.fixture
def url(example: ModuleType) -> Iterator[str]:
    example.Receiver.seen = set()
    with HTTPServer(("127.0.0.1", 0), example.Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def now_ms() -> int:
    return int(time.time() * 1000)


def signed(body: bytes = BODY, *, at: int | None = None, secret: str = SECRET) -> dict[str, str]:
    stamp = now_ms() if at is None else at
    return {TIMESTAMP_HEADER: str(stamp), SIGNATURE_HEADER: signature(secret, stamp, body)}


def test_an_event_is_taken_and_its_repeat_is_not_taken_twice(url, capsys):
    for _ in range(3):
        assert httpx.post(url, content=BODY, headers=signed()).status_code == 204
    assert capsys.readouterr().out == "processing.done p1\n"


def changed(headers: dict[str, str], **to: str) -> dict[str, str]:
    return {**headers, **{name.replace("_", "-"): value for name, value in to.items()}}


FORGED: dict[str, Callable[[], dict[str, str]]] = {
    "nothing signed": lambda: {},
    "another secret": lambda: signed(secret="whsec_of-somebody-else"),
    "another body": lambda: signed(BODY.replace(b"p1", b"p2")),
    "too old": lambda: signed(at=now_ms() - 6 * 60 * 1000),
    "from the future": lambda: signed(at=now_ms() + 10 * 60 * 1000),
    "another time": lambda: changed(signed(), x_scribe_timestamp=str(now_ms() + 1)),
    "no time": lambda: changed(signed(), x_scribe_timestamp=""),
    "another version": lambda: changed(signed(), x_scribe_signature=signed()[SIGNATURE_HEADER].replace("v1", "v0")),
    "not ASCII": lambda: changed(signed(), x_scribe_signature="v1=\xfc"),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_what_is_not_genuine_is_refused(url, capsys, forged):
    sent = [(name, value.encode("latin-1")) for name, value in forged().items()]
    assert httpx.post(url, content=BODY, headers=sent).status_code == 401
    assert capsys.readouterr().out == ""

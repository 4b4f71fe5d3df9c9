"""The host is killed between every two steps of the pipeline, and each session still ends as it should."""

import threading

import jiwer
import pytest
from whisper_normalizer.english import EnglishTextNormalizer

from localcloud.azurite import AzuritePorts, connection_string
from localcloud.client import Client, Piece
from localcloud.processes import LOOPBACK
from localcloud.recorder import record_webm
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.proxy import Proxy, Tripwire, port_of
from tests.e2e.speech import EXCERPT_TEXT, excerpt

pytestmark = pytest.mark.e2e

QUICK = {
    "LIMITS__CLAIM_LEASE": "PT2S",
    "LIMITS__PUSH_AFTER": "PT2S",
    "LIMITS__MAX_ATTEMPTS": "50",
    "SWEEP_SCHEDULE": "*/1 * * * * *",
    "LOCALHOST_BLOB_POLL_SECONDS": "0.2",
    "LOCALHOST_MESSAGE_LEASE_SECONDS": "3",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
}
MOST_STEPS = 80
"""More than a session of two chunks has: a pipeline that never gets past a kill must not loop for ever."""


@pytest.fixture(scope="module")
def wire():
    return Tripwire()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, wire):
    """A stack whose app reaches its stores through the tripwire; the host's own traffic goes past it."""
    stack = Stack(tmp_path_factory.mktemp("killed"), settings=QUICK)
    stack.start_stores()
    azurite = stack.azurite.ports
    proxies = {
        name: Proxy(f"http://{LOOPBACK}:{port}", name, wire)
        for name, port in (
            ("blob", azurite.blob),
            ("queue", azurite.queue),
            ("cosmos", port_of(stack.cosmos_endpoint)),
        )
    }
    ports = {name: proxy.start() for name, proxy in proxies.items()}
    stack.settings = {
        **stack.settings,
        "STORAGE__CONNECTION_STRING": connection_string(AzuritePorts(ports["blob"], ports["queue"], azurite.table)),
        "COSMOS__ENDPOINT": f"http://{LOOPBACK}:{ports['cosmos']}/",
    }
    stack.start_host()
    yield stack
    stack.stop()
    for proxy in proxies.values():
        proxy.stop()


def test_a_session_survives_a_kill_after_any_write(stack, wire, tmp_path_factory):
    contents = record_webm(excerpt(tmp_path_factory.mktemp("audio")), 2)
    pieces = [Piece(content, f"part{n}.webm", n, n == 1) for n, content in enumerate(contents)]
    with Client(stack.url, stack.issuer.token("t1", [Role.THERAPIST])) as client:
        for step in range(1, MOST_STEPS):
            wire.arm(step, stack.kill_host)
            status = play(client, stack, wire, pieces, f"killed-{step}")
            print(f"  step {step}: {wire.last if wire.tripped.is_set() else 'finished untouched'} → {status['state']}")
            assert status["state"] == "done", (wire.last, status)
            untouched = not wire.tripped.is_set()
            wire.disarm()  # reading leaves a line in the audit trail, which is no step of the pipeline
            check(client, f"killed-{step}")
            if untouched:
                assert step > 20, "the tripwire saw too few writes to have been in the way"
                return
    pytest.fail("a session never got through without being killed")


def play(client, stack, wire, pieces, session_id):
    """Upload and follow; start the host again when it was killed."""
    form = {
        "therapist_userid": "t1",
        "therapist_clientid": f"c-{session_id}",
        "client_userid": "u1",
        "session_id": session_id,
    }
    outcome = {}

    def phone():
        for piece in pieces:
            client.upload_until_accepted(piece, **form)
        outcome.update(client.follow(session_id, timeout_s=90))

    user = threading.Thread(target=phone)
    user.start()
    while user.is_alive():
        if wire.tripped.wait(0.05) and not stack.host_alive:
            stack.start_host()
        user.join(0.05)
    return outcome


def check(client, session_id):
    """One transcript, one history, the right text."""
    relationship = f"c-{session_id}"
    [transcript] = client.transcripts("u1", relationship)
    [history] = client.histories("u1", relationship)
    normal = EnglishTextNormalizer()
    said = " ".join(
        line.partition(": ")[2]
        for line in client.open(relationship, "transcripts", transcript, "transcript").splitlines()
    )
    assert jiwer.wer(normal(EXCERPT_TEXT), normal(said)) <= 0.1
    note = client.open(relationship, "histories", history, "transcript_summary")
    assert note.startswith("## ")
    assert note == client.open(relationship, "transcripts", transcript, "transcript_summary")

"""Bearer tokens, valid and otherwise, against an issuer that publishes its keys over HTTP and one in a file."""

import asyncio
import base64
import hashlib
import hmac
import json
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from time import time
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from localcloud.issuer import AUDIENCE, ISSUER, Issuer
from localcloud.processes import LOOPBACK, free_port
from shared.adapters.jwt_tokens import JwtVerifier
from shared.domain.caller import Caller, Role
from shared.domain.errors import NotAuthenticated, Transient

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, kid: str, **more: str) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}


@dataclass
class KeyServer:
    """An identity provider's keys, and how often they were asked for."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk(RSA_KEY, "rsa"), jwk(EC_KEY, "ec")])
    fetches: int = 0
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/jwks"

    async def answer(self, request: web.Request) -> web.Response:
        self.fetches += 1
        return web.json_response({"keys": self.keys})


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    server = KeyServer()
    app = web.Application()
    app.router.add_get("/jwks", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, server.port).start()
    yield server
    await runner.cleanup()


@pytest.fixture
def verifier(server: KeyServer) -> JwtVerifier:
    return JwtVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=server.url)


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims, with changes; None takes one away."""
    now = int(time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "therapist1", "roles": ["therapist"], "iat": now, "exp": now + 600}
    return {name: value for name, value in (good | changes).items() if value is not None}


def a_token(key: Any = RSA_KEY, kid: str | None = "rsa", algorithm: str = "RS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": kid} if kid else None)


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


async def refusal_of(verifier: JwtVerifier, token: str) -> str:
    with pytest.raises(NotAuthenticated) as refusal:
        await verifier.verify(token)
    shown = f"{refusal.value!r} {refusal.value.__cause__!r}"
    assert not token or token not in shown
    assert all(piece not in shown for piece in token.split(".") if len(piece) > 20)
    return refusal.value.code


# ---- good tokens -----------------------------------------------------------------------------------------------


async def test_a_valid_token_says_who_is_calling(verifier):
    assert await verifier.verify(a_token()) == Caller(id="therapist1", roles=frozenset({Role.THERAPIST}))


async def test_elliptic_curves_are_as_good(verifier):
    assert (await verifier.verify(a_token(EC_KEY, "ec", "ES256"))).id == "therapist1"


@pytest.mark.parametrize(
    ("given", "roles"),
    [
        ({"roles": ["service", "admin"]}, {Role.SERVICE, Role.ADMIN}),
        ({"roles": None, "role": "client"}, {Role.CLIENT}),
        ({"roles": ["therapist", "owner", 7]}, {Role.THERAPIST}),
        ({"roles": "therapist"}, {Role.THERAPIST}),
        ({"roles": None}, set()),
        ({"roles": []}, set()),
        ({"roles": {"therapist": True}}, set()),
    ],
)
async def test_roles_come_from_roles_or_role(verifier, given, roles):
    assert (await verifier.verify(a_token(**given))).roles == roles


async def test_an_audience_among_several_will_do(verifier):
    assert await verifier.verify(a_token(aud=["another", AUDIENCE]))


async def test_clocks_may_differ_a_little(verifier):
    now = int(time())
    assert await verifier.verify(a_token(exp=now - 5, iat=now + 5, nbf=now + 5))


# ---- bad tokens ------------------------------------------------------------------------------------------------


NEXT_CENTURY = 4_102_444_800
"""2100-01-01, the same whenever the tests are collected."""


async def test_an_expired_token_is_told_so(verifier):
    assert await refusal_of(verifier, a_token(exp=int(time()) - 120)) == "token_expired"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody-else"},
        {"aud": "another-app"},
        {"nbf": NEXT_CENTURY},
        {"iat": NEXT_CENTURY},
        {"sub": ""},
        {"sub": None},
        {"exp": None},
        {"iss": None},
        {"aud": None},
    ],
    ids=str,
)
async def test_claims_that_are_wrong_or_missing(verifier, changes):
    assert await refusal_of(verifier, a_token(**changes)) == "token_invalid"


async def test_an_unsigned_token(verifier):
    for algorithm in ("none", "None", "NONE"):
        header = {"alg": algorithm, "typ": "JWT", "kid": "rsa"}
        assert await refusal_of(verifier, f"{part(header)}.{part(claims())}.") == "token_invalid"


async def test_a_token_signed_with_the_public_key_as_a_shared_secret(verifier):
    secret = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'rsa'})}.{part(claims())}"
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    token = f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert await refusal_of(verifier, token) == "token_invalid"


async def test_a_published_shared_secret_is_no_key(server, verifier):
    secret = base64.urlsafe_b64encode(b"s" * 32).rstrip(b"=").decode()
    server.keys.append({"kty": "oct", "k": secret, "kid": "shared", "alg": "HS256"})
    assert await refusal_of(verifier, a_token(b"s" * 32, "shared", "HS256")) == "token_invalid"


async def test_a_token_signed_by_another_key_of_the_same_name(verifier):
    assert await refusal_of(verifier, a_token(OTHER_KEY)) == "token_invalid"


async def test_a_token_that_brings_its_own_key(verifier):
    header = {"kid": "rsa", "jwk": jwk(OTHER_KEY, "rsa"), "jku": "http://127.0.0.1:9/jwks"}
    token = jwt.encode(claims(), OTHER_KEY, algorithm="RS256", headers=header)
    assert await refusal_of(verifier, token) == "token_invalid"


async def test_claims_changed_after_signing(verifier):
    header, _, signature = a_token().split(".")
    assert await refusal_of(verifier, f"{header}.{part(claims(sub='admin'))}.{signature}") == "token_invalid"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "Grüße", "é.é.é", "e30.e30.e30", "bnVsbA.bnVsbA.x"])
async def test_what_is_no_token_at_all(verifier, token):
    assert await refusal_of(verifier, token) == "token_invalid"


async def test_a_token_without_a_key_id(verifier):
    assert await refusal_of(verifier, a_token(kid=None)) == "token_invalid"


# ---- keys ------------------------------------------------------------------------------------------------------


async def test_keys_are_fetched_once_for_many_tokens(server, verifier):
    for _ in range(5):
        await verifier.verify(a_token())
    assert server.fetches == 1


async def test_unknown_keys_do_not_make_us_ask_the_issuer_each_time(server, verifier):
    await verifier.verify(a_token())
    for n in range(10):
        assert await refusal_of(verifier, a_token(OTHER_KEY, f"unknown{n}")) == "token_invalid"
    assert server.fetches <= 2


async def test_an_issuer_that_does_not_answer_is_not_the_callers_fault():
    verifier = JwtVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=f"http://{LOOPBACK}:{free_port()}/jwks")
    with pytest.raises(Transient) as failure:
        await verifier.verify(a_token())
    assert failure.value.code == "issuer_unavailable"


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"keys": []}', b"<html>"])
async def test_an_issuer_that_answers_nonsense_is_not_the_callers_fault(tmp_path, answer):
    keys = tmp_path / "jwks.json"
    keys.write_bytes(answer)
    with pytest.raises(Transient) as failure:
        await JwtVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=keys.as_uri()).verify(a_token())
    assert failure.value.code == "issuer_unavailable"


# ---- the local issuer ------------------------------------------------------------------------------------------


async def test_the_local_issuers_tokens_are_valid(tmp_path):
    issuer = Issuer(tmp_path)
    token = issuer.token("therapist1", [Role.THERAPIST])
    verifier = JwtVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=issuer.jwks_url)
    assert await verifier.verify(token) == Caller(id="therapist1", roles=frozenset({Role.THERAPIST}))
    assert await refusal_of(verifier, issuer.token("a", [], valid_for=timedelta(minutes=-5))) == "token_expired"
    assert await refusal_of(verifier, Issuer(tmp_path / "other").token("a", [])) == "token_invalid"
    assert await refusal_of(verifier, a_token(kid="unknown")) == "token_invalid"


async def test_the_local_issuer_may_come_after_the_app(tmp_path):
    issuer = Issuer(tmp_path / "a home with spaces")
    verifier = JwtVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=issuer.jwks_url)
    with pytest.raises(Transient):
        await verifier.verify(a_token())
    assert await verifier.verify(issuer.token("therapist1", [Role.THERAPIST]))


def test_the_local_issuers_key_is_private_and_stays(tmp_path):
    issuer = Issuer(tmp_path)
    issuer.prepare()
    pem = tmp_path / "keys" / "issuer.pem"
    before = pem.read_bytes()
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600
    issuer.prepare()
    assert pem.read_bytes() == before
    assert "d" not in json.loads((tmp_path / "keys" / "jwks.json").read_text())["keys"][0]


async def test_the_command_prints_a_token(tmp_path):
    command = [sys.executable, "-m", "localcloud.issuer", "token", "--user", "t1", "--role", "therapist"]
    run = await asyncio.create_subprocess_exec(*command, "--home", tmp_path, stdout=subprocess.PIPE)
    printed, _ = await run.communicate()
    verifier = JwtVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=Issuer(tmp_path).jwks_url)
    assert (await verifier.verify(printed.decode().strip())).id == "t1"

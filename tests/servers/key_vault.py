"""Azure Key Vault's keys (API 7.x): RSA for real, with the challenge that its SDK answers, over TLS."""

from __future__ import annotations

import base64
import ipaddress
import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from tests.servers.faults import LOOPBACK, Server
from tests.servers.managed_identity import TOKEN

KEY = "scribe-kek"
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


class KeyVault(Server):
    """A vault with one key. `folder` gets the certificate of its authority, `ca.pem`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.ca_file = folder / "ca.pem"
        self.tls = _certified(folder)
        self.versions: dict[str, rsa.RSAPrivateKey] = {}
        """By id, the newest last; emptied, the key is gone."""
        self.disabled: set[str] = set()
        self.expired: set[str] = set()
        self.rotate()

    def rotate(self) -> str:
        """Add a version, which wraps from now on; its id."""
        version = uuid4().hex
        self.versions[version] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return version

    def routes(self, router: web.UrlDispatcher) -> None:
        """See Server.routes."""
        router.add_get("/keys/{name}/{version:[0-9a-f]*}", self._get)
        router.add_get("/keys/{name}", self._get)
        router.add_post("/keys/{name}/{version}/unwrapkey", self._unwrap)

    def _challenge(self) -> web.Response:
        # A vault's resource is the domain it is in; that of 127.0.0.1 would be 0.0.1.
        resource = f"https://{LOOPBACK.partition('.')[2]}:{self.port}"
        ask = f'Bearer authorization="https://login.microsoftonline.com/{uuid4()}", resource="{resource}"'
        return web.json_response({"error": {"code": "Unauthorized"}}, status=401, headers={"WWW-Authenticate": ask})

    async def _get(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._challenge()
        version = request.match_info.get("version") or next(reversed(self.versions), "")
        found = self._find(request, version)
        return found if isinstance(found, web.Response) else web.json_response(self._bundle(version, found))

    async def _unwrap(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._challenge()
        version = request.match_info["version"]
        found = self._find(request, version)
        if isinstance(found, web.Response):
            return found
        asked = json.loads(await request.read())
        if asked["alg"] != "RSA-OAEP-256":
            return _error(400, "BadParameter")
        try:
            key = found.decrypt(_bytes(asked["value"]), _OAEP)
        except ValueError:
            return _error(400, "BadParameter")
        return web.json_response({"kid": self._kid(version), "value": _text(key)})

    def _find(self, request: web.Request, version: str) -> rsa.RSAPrivateKey | web.Response:
        if request.match_info["name"] != KEY or version not in self.versions:
            return _error(404, "KeyNotFound")
        if version in self.disabled:
            return _error(403, "Forbidden", "KeyDisabled")
        return self.versions[version]

    def _kid(self, version: str) -> str:
        return f"{self.url}/keys/{KEY}/{version}"

    def _bundle(self, version: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
        public = key.public_key().public_numbers()
        attributes: dict[str, Any] = {"enabled": True, "created": 1771837200, "updated": 1771837200}
        if version in self.expired:
            attributes["exp"] = 1771837201
        return {
            "key": {
                "kid": self._kid(version),
                "kty": "RSA",
                "key_ops": ["wrapKey", "unwrapKey"],
                "n": _text(public.n.to_bytes(256, "big")),
                "e": _text(public.e.to_bytes(3, "big")),
            },
            "attributes": attributes,
        }


def _error(status: int, code: str, inner: str | None = None) -> web.Response:
    error: dict[str, Any] = {"code": code, "message": "no."}
    if inner is not None:
        error["innererror"] = {"code": inner}
    return web.json_response({"error": error}, status=status)


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _certified(folder: Path) -> ssl.SSLContext:
    """A certificate for the loopback address, its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault of the tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context

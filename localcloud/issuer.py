"""The local token issuer: what an identity provider is to the cloud, a key pair in a folder is to a laptop.

    python -m localcloud.issuer token --user therapist1 --role therapist [--hours 12]

prints a JWT. The key pair is made on first use in SCRIBE_HOME/keys; `jwks.json` beside it is what the app reads.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from shared.adapters.private_files import create_private_file, replace_private_file
from shared.domain.caller import Role

ISSUER = "session-scribe-local"
AUDIENCE = "session-scribe"
_ALGORITHM = "ES256"


@dataclass(frozen=True)
class Issuer:
    """An issuer whose keys are in `home`/keys."""

    home: Path

    @property
    def jwks_url(self) -> str:
        """What the app's setting for the issuer's keys is."""
        return self._jwks.absolute().as_uri()

    def prepare(self) -> None:
        """Make the key pair, if there is none yet, and publish its public half."""
        if not self._pem.exists():
            create_private_file(self._pem, _new_pem())
        public = self._public_jwk()
        jwks = {"keys": [{**public, "kid": _thumbprint(public), "use": "sig", "alg": _ALGORITHM}]}
        replace_private_file(self._jwks, json.dumps(jwks).encode())

    def token(self, user: str, roles: Sequence[Role], *, valid_for: timedelta = timedelta(hours=12)) -> str:
        """Return a signed token that says its bearer is `user`."""
        self.prepare()
        now = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "roles": [role.value for role in roles],
            "iat": now,
            "exp": now + valid_for,
        }
        kid = _thumbprint(self._public_jwk())
        return jwt.encode(claims, self._private_key(), algorithm=_ALGORITHM, headers={"kid": kid})

    @property
    def _pem(self) -> Path:
        return self.home / "keys" / "issuer.pem"

    @property
    def _jwks(self) -> Path:
        return self.home / "keys" / "jwks.json"

    def _public_jwk(self) -> dict[str, Any]:
        return ECAlgorithm.to_jwk(self._private_key().public_key(), as_dict=True)

    def _private_key(self) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key(self._pem.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key


def _thumbprint(public: Mapping[str, Any]) -> str:
    """The key's id, made from the key (RFC 7638): a new key in an old place is never taken for the old one."""
    required = {name: public[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _new_pem() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.issuer", description="The local token issuer.")
    commands = parser.add_subparsers(dest="command", required=True)
    token = commands.add_parser("token", help="print a token")
    token.add_argument("--user", required=True, help="user id, the token's subject")
    token.add_argument("--role", required=True, action="append", choices=[role.value for role in Role])
    token.add_argument("--hours", type=float, default=12.0, help="how long it is valid (default 12)")
    token.add_argument("--home", type=Path, default=Path(os.environ.get("SCRIBE_HOME", ".local")))
    chosen = parser.parse_args(arguments)
    roles = [Role(role) for role in chosen.role]
    printed = Issuer(chosen.home).token(chosen.user, roles, valid_for=timedelta(hours=chosen.hours))
    sys.stdout.write(printed + "\n")


if __name__ == "__main__":
    main()

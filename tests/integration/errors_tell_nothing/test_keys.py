"""Of vaults, key files and token issuers no error tells a key, a token or an answer."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.adapters.azure_identity import app_identity
from shared.adapters.jwt_tokens import JwtVerifier
from shared.adapters.key_vault import KeyVaultKek
from shared.adapters.local_kek import LocalKek
from shared.ports import WrappedKey
from tests.integration.errors_tell_nothing.telling import (
    ALWAYS,
    NONSENSE,
    ONCE,
    SIGNATURE,
    Call,
    assert_tells_nothing,
    faults,
    raised_by,
    raised_under,
)
from tests.servers.faults import Fault, Trouble
from tests.servers.key_vault import KEY, KeyVault
from tests.servers.managed_identity import ManagedIdentity
from tests.servers.quoting import SECRET


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

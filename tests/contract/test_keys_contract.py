"""The KeyEncryptionKey port: what every holder of that key keeps.

With AZURE_TEST_KEYS__KEY_VAULT__URL (and …__KEY_NAME) a real vault is asked too, by whoever is signed in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.adapters.azure_identity import app_identity
from shared.adapters.key_vault import KeyVaultKek
from shared.adapters.local_kek import LocalKek, add_version
from shared.bootstrap.stores import kek as kek_of
from shared.domain.errors import DecryptionFailed
from shared.ports import KeyEncryptionKey, WrappedKey
from shared.settings.keys import KekEngine, KeySettings
from tests.servers.azure import azure_settings
from tests.servers.key_vault import KEY, KeyVault
from tests.servers.managed_identity import ManagedIdentity

DEK = bytes(range(32))


@dataclass(frozen=True)
class Held:
    """A key-encryption key, and how its operator adds a version."""

    kek: KeyEncryptionKey
    rotate: Callable[[], object]


@pytest.fixture(params=["local", "key-vault", "azure"])
async def held(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Held]:
    if request.param == "local":
        path = tmp_path / "keys" / "kek.json"
        yield Held(LocalKek(path, may_create=True), lambda: add_version(path))
    elif request.param == "azure":
        chosen = KeySettings(engine=KekEngine.KEY_VAULT, key_vault=azure_settings("keys", KeySettings).key_vault)
        async with app_identity(developing=True) as credential:
            real = kek_of(chosen, lambda: credential)
            assert isinstance(real, KeyVaultKek)
            yield Held(real, lambda: pytest.skip("versions of a real key are its operator's to add"))
            await real.close()
    else:
        with KeyVault(tmp_path) as vault, ManagedIdentity() as identity:
            for name, value in identity.environment.items():
                monkeypatch.setenv(name, value)
            async with app_identity(developing=False) as credential:
                made = KeyVaultKek(vault.url, KEY, lambda: credential, ca_file=vault.ca_file)
                yield Held(made, vault.rotate)
                await made.close()


async def test_what_was_wrapped_unwraps(held: Held):
    wrapped = await held.kek.wrap(DEK)
    assert DEK not in wrapped.wrapped
    assert await held.kek.unwrap(wrapped) == DEK


async def test_the_current_version_wraps(held: Held):
    assert (await held.kek.wrap(DEK)).kek_id == await held.kek.current()


async def test_no_two_wrappings_name_a_key_to_fetch_from_elsewhere(held: Held):
    """The id is data that comes back from a database: it must never lead anywhere."""
    assert "://" not in (await held.kek.wrap(DEK)).kek_id


async def test_the_newest_version_wraps_and_all_unwrap(held: Held):
    old = await held.kek.wrap(DEK)
    held.rotate()
    new = await held.kek.wrap(DEK)
    assert new.kek_id == await held.kek.current() != old.kek_id
    assert await held.kek.unwrap(old) == await held.kek.unwrap(new) == DEK


async def test_what_was_changed_does_not_unwrap(held: Held):
    wrapped = await held.kek.wrap(DEK)
    flipped = bytes([wrapped.wrapped[0] ^ 1]) + wrapped.wrapped[1:]
    for changed in (flipped, wrapped.wrapped[:-8], b""):
        with pytest.raises(DecryptionFailed):
            await held.kek.unwrap(WrappedKey(wrapped.kek_id, changed))


@pytest.mark.parametrize("suffix", ["0", "/../x"])
async def test_a_version_that_never_was_unwraps_nothing(held: Held, suffix: str):
    wrapped = await held.kek.wrap(DEK)
    for unknown in (wrapped.kek_id + suffix, "other-1", "https://elsewhere.example/keys/a/b"):
        with pytest.raises(DecryptionFailed):
            await held.kek.unwrap(WrappedKey(unknown, wrapped.wrapped))

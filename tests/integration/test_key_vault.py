"""The key-encryption key in Key Vault when the vault goes wrong or is rotated, through its real SDK and identity."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.azure_identity import app_identity
from shared.adapters.key_vault import KeyVaultKek
from shared.domain.errors import DecryptionFailed, StoreUnavailable
from tests.servers.faults import Fault, Trouble
from tests.servers.key_vault import KEY, KeyVault
from tests.servers.managed_identity import TOKEN, ManagedIdentity
from tests.servers.waits import Waits

DEK = bytes(range(32))
UNWRAP = "unwrapkey"

NewKek = Callable[..., KeyVaultKek]


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[KeyVault]:
    with KeyVault(tmp_path) as running:
        yield running


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagedIdentity]:
    with ManagedIdentity() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
async def new_kek(vault: KeyVault, identity: ManagedIdentity, waits: Waits) -> AsyncIterator[NewKek]:
    async with AsyncExitStack() as made:
        credential = await made.enter_async_context(app_identity(developing=False))

        def new(**options: Any) -> KeyVaultKek:
            given = {"ca_file": vault.ca_file, "patience": waits.patience(), **options}
            kek = KeyVaultKek(vault.url, given.pop("key_name", KEY), lambda: credential, **given)
            made.push_async_callback(kek.close)
            return kek

        yield new


async def test_the_data_key_is_never_sent_to_be_wrapped(vault: KeyVault, new_kek: NewKek):
    await new_kek().wrap(DEK)
    assert {request.method for request in vault.requests} == {"GET"}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(status=429, path=UNWRAP, headers={"Retry-After": "7"}), id="429 with Retry-After"),
        pytest.param(Fault(status=429, path=UNWRAP), id="429 without"),
        pytest.param(Fault(status=500, path=UNWRAP, times=2), id="500 twice"),
        pytest.param(Fault(status=503, path=UNWRAP), id="503"),
        pytest.param(Fault(Trouble.DROPPED, path=UNWRAP), id="dropped"),
        pytest.param(Fault(Trouble.TRUNCATED, path=UNWRAP), id="truncated"),
        pytest.param(Fault(Trouble.MALFORMED, path=UNWRAP), id="malformed"),
        pytest.param(Fault(Trouble.SLOW, path=UNWRAP, seconds=0.05), id="slow"),
        pytest.param(Fault(Trouble.SILENT, path=UNWRAP), id="silent"),
        pytest.param(Fault(status=503, path="/keys", times=2), id="503 at the key"),
    ],
)
async def test_passing_trouble_costs_a_wait(vault: KeyVault, new_kek: NewKek, fault: Fault):
    kek = new_kek(timeout_s=0.5)
    wrapped = await kek.wrap(DEK)
    vault.faults = [fault]
    assert await kek.unwrap(wrapped) == DEK


async def test_the_vault_says_how_long_to_wait(vault: KeyVault, new_kek: NewKek, waits: Waits):
    kek = new_kek()
    wrapped = await kek.wrap(DEK)
    vault.faults = [Fault(status=429, path=UNWRAP, headers={"Retry-After": "7"})]
    await kek.unwrap(wrapped)
    assert waits.seconds == [7]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_lasting_trouble_loses_nothing(vault: KeyVault, new_kek: NewKek, status: int):
    """A missing role is mended by an operator: the work stays to be done until then."""
    kek = new_kek()
    wrapped = await kek.wrap(DEK)
    vault.faults = [Fault(status=status, times=99)]
    for call in (kek.wrap(DEK), kek.unwrap(wrapped), kek.current()):
        with pytest.raises(StoreUnavailable, match=str(status)):
            await call


async def test_a_disabled_version_can_be_enabled_again(vault: KeyVault, new_kek: NewKek):
    kek = new_kek()
    wrapped = await kek.wrap(DEK)
    version = wrapped.kek_id.rpartition("/")[2]
    vault.disabled = {version}
    for call in (kek.wrap(DEK), kek.unwrap(wrapped)):
        with pytest.raises(StoreUnavailable, match="is disabled: enable it"):
            await call
    vault.disabled = set()
    assert await kek.unwrap(wrapped) == DEK


async def test_an_expired_version_unwraps_and_wraps_no_more(vault: KeyVault, new_kek: NewKek):
    kek = new_kek()
    wrapped = await kek.wrap(DEK)
    vault.expired = {wrapped.kek_id.rpartition("/")[2]}
    assert await kek.unwrap(wrapped) == DEK
    with pytest.raises(StoreUnavailable, match="add a version"):
        await kek.wrap(DEK)


async def test_a_deleted_key_can_be_recovered(vault: KeyVault, new_kek: NewKek):
    kek = new_kek()
    wrapped = await kek.wrap(DEK)
    kept, vault.versions = vault.versions, {}
    for call in (kek.wrap(DEK), kek.unwrap(wrapped)):
        with pytest.raises(StoreUnavailable, match="recover it"):
            await call
    vault.versions = kept
    assert await kek.unwrap(wrapped) == DEK


async def test_a_key_of_another_name_is_not_asked_for(vault: KeyVault, new_kek: NewKek):
    kek = new_kek()
    wrapped = await kek.wrap(DEK)
    asked = len(vault.requests)
    with pytest.raises(DecryptionFailed):
        await new_kek(key_name="other").unwrap(wrapped)
    assert len(vault.requests) == asked


async def test_a_certificate_of_nobody_known_is_not_spoken_to(vault: KeyVault, new_kek: NewKek):
    with pytest.raises(StoreUnavailable):
        await new_kek(ca_file=None).current()
    assert vault.requests == []


async def test_no_token_is_no_vault(identity: ManagedIdentity, new_kek: NewKek):
    identity.faults = [Fault(status=400, times=99)]
    with pytest.raises(StoreUnavailable, match="identity"):
        await new_kek().current()


async def test_neither_key_nor_token_is_logged_at_any_level(new_kek: NewKek, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        kek = new_kek()
        await kek.unwrap(await kek.wrap(DEK))
    assert caplog.records
    assert TOKEN not in caplog.text
    assert DEK.hex() not in caplog.text

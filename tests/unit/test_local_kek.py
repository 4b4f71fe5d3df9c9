import base64
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.adapters.local_kek import LocalKek, add_version
from shared.adapters.private_files import create_private_file
from shared.domain.errors import DecryptionFailed, StoreUnavailable
from shared.ports import WrappedKey

DEK = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "kek.json"


async def test_what_was_wrapped_unwraps(path):
    wrapped = await LocalKek(path, may_create=True).wrap(DEK)
    assert DEK not in wrapped.wrapped
    assert await LocalKek(path, may_create=False).unwrap(wrapped) == DEK


async def test_the_file_is_its_owners_alone(path):
    await LocalKek(path, may_create=True).wrap(DEK)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    add_version(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [child.name for child in path.parent.iterdir()] == ["kek.json"]


async def test_rfc_3394_vector(path):
    """RFC 3394 §4.6: 256 bits of key data with a 256-bit key."""
    kek = bytes.fromhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
    create_private_file(path, json.dumps({"keys": [{"id": "rfc", "key": base64.b64encode(kek).decode()}]}).encode())
    key = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
    wrapped = await LocalKek(path, may_create=False).wrap(key)
    expected = "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
    assert wrapped == WrappedKey("rfc", bytes.fromhex(expected))


async def test_the_newest_version_wraps_and_all_unwrap(path):
    kek = LocalKek(path, may_create=True)
    old = await kek.wrap(DEK)
    added = add_version(path)
    new = await kek.wrap(DEK)
    assert new.kek_id == added != old.kek_id
    assert await kek.unwrap(old) == await kek.unwrap(new) == DEK


async def test_no_file_and_no_leave_to_make_one(path):
    with pytest.raises(StoreUnavailable):
        await LocalKek(path, may_create=False).wrap(DEK)
    assert not path.exists()


async def test_unwrapping_never_makes_a_file(path):
    with pytest.raises(StoreUnavailable):
        await LocalKek(path, may_create=True).unwrap(WrappedKey("local-1", bytes(40)))
    assert not path.exists()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"keys": []}', '{"keys": [{"id": "a", "key": "c2hvcnQ="}]}', '{"keys": [{"id": "a"}]}']
)
async def test_a_damaged_file_is_named_without_its_content(path, content):
    create_private_file(path, content.encode())
    with pytest.raises(StoreUnavailable) as failure:
        await LocalKek(path, may_create=True).wrap(DEK)
    assert failure.value.__cause__ is None
    assert path.read_text() == content


async def test_changed_or_foreign_wrapped_keys_do_not_unwrap(path):
    kek = LocalKek(path, may_create=True)
    wrapped = await kek.wrap(DEK)
    flipped = bytes([wrapped.wrapped[0] ^ 1]) + wrapped.wrapped[1:]
    for changed in (flipped, wrapped.wrapped[:-8], wrapped.wrapped[:-1], b""):
        with pytest.raises(DecryptionFailed):
            await kek.unwrap(WrappedKey(wrapped.kek_id, changed))
    with pytest.raises(DecryptionFailed):
        await kek.unwrap(WrappedKey("local-unknown", wrapped.wrapped))


def test_of_processes_that_create_the_file_at_once_one_wins(path):
    with ThreadPoolExecutor(8) as pool:
        wins = list(pool.map(lambda n: create_private_file(path, f"content {n}".encode()), range(8)))
    assert sum(wins) == 1
    assert path.read_text() == f"content {wins.index(True)}"

import hashlib
import multiprocessing
from pathlib import Path

import pytest

from shared.adapters.embedded_speech.model import PackagedModel, locate, unpack
from shared.domain.errors import EngineUnavailable

PARTS = {"first": b"weights, " * 1000, "second": b"more weights"}
WHOLE = PARTS["first"] + PARTS["second"]


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackagedModel:
    """A model in two data packages that can be imported."""
    for name, part in PARTS.items():
        package = tmp_path / "site" / f"voice_{name}"
        (package / "data").mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "data" / "part").write_bytes(part)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return PackagedModel(
        name="small",
        sources={"model.bin": ("voice_first/data/part", "voice_second/data/part")},
        digests={"model.bin": hashlib.sha256(WHOLE).hexdigest()},
    )


def test_parts_are_joined_once_and_found_again(packaged: PackagedModel, tmp_path: Path):
    joined = unpack(packaged, tmp_path / "cache")
    written = (joined / "model.bin").stat()
    assert (joined / "model.bin").read_bytes() == WHOLE
    assert unpack(packaged, tmp_path / "cache") == joined
    assert (joined / "model.bin").stat() == written
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [joined.name]


def test_a_tampered_package_is_never_loaded(packaged: PackagedModel, tmp_path: Path):
    (tmp_path / "site" / "voice_second" / "data" / "part").write_bytes(b"evil weights")
    with pytest.raises(EngineUnavailable, match=r"installed model\.bin of speech model small is not the pinned one"):
        unpack(packaged, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_tampered_cache_is_never_loaded(packaged: PackagedModel, tmp_path: Path):
    (unpack(packaged, tmp_path / "cache") / "model.bin").write_bytes(WHOLE[:-1] + b"!")
    with pytest.raises(EngineUnavailable, match=r"model\.bin of speech model small does not have its pinned SHA-256"):
        unpack(packaged, tmp_path / "cache")


def test_a_missing_package_is_named(packaged: PackagedModel, tmp_path: Path):
    absent = PackagedModel("small", {"model.bin": ("no_such_voice/data/part",)}, packaged.digests)
    with pytest.raises(EngineUnavailable, match="no-such-voice is not installed"):
        unpack(absent, tmp_path / "cache")


def test_processes_that_join_at_once_agree(packaged: PackagedModel, tmp_path: Path):
    workers = [multiprocessing.Process(target=unpack, args=(packaged, tmp_path / "cache")) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [unpack(packaged, tmp_path / "cache").name]


def test_a_directory_is_taken_as_it_is(tmp_path: Path):
    (tmp_path / "model.bin").write_bytes(b"weights")
    assert locate(str(tmp_path), tmp_path / "cache") == str(tmp_path)


def test_a_directory_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(EngineUnavailable, match=r"no model\.bin"):
        locate(str(tmp_path), tmp_path / "cache")


def test_another_name_is_left_to_the_recogniser_to_fetch(tmp_path: Path):
    assert locate("small.en", tmp_path / "cache") == "small.en"

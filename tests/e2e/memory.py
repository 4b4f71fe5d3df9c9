"""How much memory a process takes, as the kernel counts it."""

from __future__ import annotations

from pathlib import Path


class Peak:
    """The most memory (RSS, bytes) that a process takes during a block, above what it had at its start."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")
        self.grown = 0

    def __enter__(self) -> Peak:
        (self._proc / "clear_refs").write_text("5")  # forget the peak so far (man proc)
        self._before = self.held
        return self

    def __exit__(self, *_: object) -> None:
        self.grown = self._bytes("VmHWM") - self._before

    @property
    def held(self) -> int:
        """What it holds now."""
        return self._bytes("VmRSS")

    def _bytes(self, name: str) -> int:
        lines = (self._proc / "status").read_text().splitlines()
        [line] = [line for line in lines if line.startswith(name + ":")]
        return int(line.split()[1]) * 1024

"""Counts requests and request units, so that tests can hold an operation to its budget."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Tally:
    requests: int = 0
    request_units: float = 0.0

    def add(self, charge: float) -> None:
        self.requests += 1
        self.request_units = round(self.request_units + charge, 2)

    def as_json(self) -> dict[str, Any]:
        return {"requests": self.requests, "request_units": self.request_units}


@dataclass
class RequestStats:
    """What was asked since the last reset, by operation and by container (`database/container`)."""

    _total: _Tally = field(default_factory=_Tally)
    _operations: dict[str, _Tally] = field(default_factory=dict)
    _containers: dict[str, dict[str, _Tally]] = field(default_factory=dict)

    def record(self, operation: str, container: str | None, charge: float) -> None:
        """Count one answered request, refused ones included."""
        self._total.add(charge)
        self._operations.setdefault(operation, _Tally()).add(charge)
        if container is not None:
            self._containers.setdefault(container, {}).setdefault(operation, _Tally()).add(charge)

    def reset(self) -> None:
        """Start counting anew."""
        self._total, self._operations, self._containers = _Tally(), {}, {}

    def as_json(self) -> dict[str, Any]:
        """`{requests, request_units, operations: {name: …}, containers: {name: {operation: …}}}`."""
        return {
            **self._total.as_json(),
            "operations": {name: tally.as_json() for name, tally in self._operations.items()},
            "containers": {
                name: {operation: tally.as_json() for operation, tally in tallies.items()}
                for name, tallies in self._containers.items()
            },
        }

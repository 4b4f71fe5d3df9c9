"""What counted operations cost, with the prices of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

PRICES = Path(__file__).parent.parent / "infra" / "prices.yaml"
_GB = 1e9
_QUEUE_TRIGGERED = frozenset({"write_note", "deliver_webhook", "fetch_recording"})
_TRANSCRIBE, _NOTE = "transcribe_sealed", "write_note"
_LEAST_BILLED_SECONDS = 1.0
"""Of an execution on Flex Consumption."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Functions(_Section):
    gb_second: float
    million_executions: float
    memory_gb: float


class _Storage(_Section):
    ten_thousand_blob_writes: float
    ten_thousand_blob_reads: float
    ten_thousand_queue_operations: float
    gb_month: float


class _Cosmos(_Section):
    million_request_units: float
    gb_month: float


class _Speech(_Section):
    hour: float


class _Model(_Section):
    million_input_tokens: float
    million_output_tokens: float


class _EventGrid(_Section):
    million_operations: float


class _KeyVault(_Section):
    ten_thousand_operations: float


class _Logs(_Section):
    gb: float


class _Assumptions(_Section):
    transcribe_seconds_per_hour: float
    note_seconds: float
    prompt_tokens: float
    characters_per_token: float
    host_queue_operations_per_message: float
    host_blob_reads_per_manifest: float
    vault_operations_per_session: float
    kept_months: float


class Prices(_Section):
    """A price file. Raises: ValidationError for an entry that is missing or that nothing uses."""

    source: str
    date: date
    currency: str
    functions: _Functions
    storage: _Storage
    cosmos: _Cosmos
    speech: _Speech
    model: _Model
    event_grid: _EventGrid
    key_vault: _KeyVault
    logs: _Logs
    assumptions: _Assumptions

    @classmethod
    def read(cls, path: Path = PRICES) -> Prices:
        """From YAML."""
        held: Any = yaml.safe_load(path.read_text("utf-8"))
        return cls.model_validate(held)


@dataclass(frozen=True)
class Counted:
    """What one session took."""

    hours: float
    """Of audio."""
    seconds: Mapping[str, tuple[float, ...]]
    """Of each execution, by function."""
    blob: Counter[str]
    """Operations of the app: `write`, `read`, `delete`."""
    blob_bytes: int
    """Written."""
    queue: int
    """Operations of the app."""
    request_units: float
    item_bytes: int
    """Of the items that stand after it."""
    log_bytes: int
    transcript_characters: int
    note_characters: int


@dataclass(frozen=True)
class Line:
    """One line of the bill: so much of something, and what that costs."""

    name: str
    amount: float
    unit: str
    cost: float


def bill(counted: Counted, prices: Prices) -> list[Line]:
    """For an hour of session: everything counted is scaled to one hour of audio."""
    hourly = 1 / counted.hours
    return [Line(each.name, each.amount * hourly, each.unit, each.cost * hourly) for each in _session(counted, prices)]


def _session(counted: Counted, prices: Prices) -> list[Line]:
    assumed, storage = prices.assumptions, prices.storage
    executions = sum(len(each) for each in counted.seconds.values())
    gb_seconds = prices.functions.memory_gb * _billed_seconds(counted, prices)
    messages = sum(len(counted.seconds.get(name, ())) for name in _QUEUE_TRIGGERED)
    manifests = len(counted.seconds.get(_TRANSCRIBE, ()))
    queue = counted.queue + assumed.host_queue_operations_per_message * (messages + manifests)
    reads = counted.blob["read"] + assumed.host_blob_reads_per_manifest * manifests
    stored = counted.blob_bytes / _GB * assumed.kept_months
    items = counted.item_bytes / _GB * assumed.kept_months
    asked = assumed.prompt_tokens + counted.transcript_characters / assumed.characters_per_token
    written = counted.note_characters / assumed.characters_per_token
    vault = assumed.vault_operations_per_session
    logged = counted.log_bytes / _GB
    return [
        _line("function time", gb_seconds, "GB-s", prices.functions.gb_second),
        _line("function executions", executions, "", prices.functions.million_executions, 1e6),
        _line("blob writes and lists", counted.blob["write"], "", storage.ten_thousand_blob_writes, 1e4),
        _line("blob reads", reads, "", storage.ten_thousand_blob_reads, 1e4),
        _line("queue operations", queue, "", storage.ten_thousand_queue_operations, 1e4),
        _line("blobs kept", stored, "GB-months", storage.gb_month),
        _line("Cosmos DB requests", counted.request_units, "RU", prices.cosmos.million_request_units, 1e6),
        _line("Cosmos DB items kept", items, "GB-months", prices.cosmos.gb_month),
        _line("events", manifests, "", prices.event_grid.million_operations, 1e6),
        _line("key vault", vault, "", prices.key_vault.ten_thousand_operations, 1e4),
        _line("logs", logged, "GB", prices.logs.gb),
        _line("speech", counted.hours, "h", prices.speech.hour),
        _line("model, read", asked, "tokens", prices.model.million_input_tokens, 1e6),
        _line("model, written", written, "tokens", prices.model.million_output_tokens, 1e6),
    ]


def _billed_seconds(counted: Counted, prices: Prices) -> float:
    """Measured, but for the two that wait for a service which was not there."""
    assumed = prices.assumptions
    waits = {_TRANSCRIBE: assumed.transcribe_seconds_per_hour * counted.hours, _NOTE: assumed.note_seconds}
    return sum(
        max(_LEAST_BILLED_SECONDS, waits.get(name, seconds))
        for name, each in counted.seconds.items()
        for seconds in each
    )


def _line(name: str, amount: float, unit: str, price: float, per: float = 1) -> Line:
    return Line(name, amount, unit, amount / per * price)

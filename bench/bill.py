"""What counted operations cost, with the prices of a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

PRICES = Path(__file__).parent.parent / "infra" / "prices.yaml"
_GB = 1e9


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
    note_tokens: float
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

    minutes: float
    """Of audio."""
    executions: float
    seconds: float
    """Billed for executions, but for those that wait for a service which was not there."""
    manifests: float
    """Transcriptions started."""
    messages: float
    """Queue messages worked on."""
    blob_writes: float
    """Lists among them: they cost the same."""
    blob_reads: float
    blob_bytes: float
    """Written."""
    queue_operations: float
    request_units: float
    item_bytes: float
    """By which the database grew."""
    log_bytes: float
    transcript_characters: float


@dataclass(frozen=True)
class Line:
    """One line of the bill: so much of something, and what that costs."""

    name: str
    amount: float
    unit: str
    cost: float


def session_of(minutes: float, short: Counted, long: Counted) -> Counted:
    """What a session of some length takes, from two that were counted: a part is the same for all, a part grows."""
    grown = (minutes - short.minutes) / (long.minutes - short.minutes)
    first, second = asdict(short), asdict(long)
    return Counted(**{name: max(0.0, each + (second[name] - each) * grown) for name, each in first.items()})


def bill(counted: Counted, prices: Prices) -> list[Line]:
    """What it costs."""
    assumed, storage = prices.assumptions, prices.storage
    hours = counted.minutes / 60
    waiting = assumed.transcribe_seconds_per_hour * hours * counted.manifests + assumed.note_seconds * counted.messages
    gb_seconds = prices.functions.memory_gb * (counted.seconds + waiting)
    host_operations = assumed.host_queue_operations_per_message * (counted.messages + counted.manifests)
    reads = counted.blob_reads + assumed.host_blob_reads_per_manifest * counted.manifests
    asked = assumed.prompt_tokens + counted.transcript_characters / assumed.characters_per_token
    vault = assumed.vault_operations_per_session
    return [
        _line("function time", gb_seconds, "GB-s", prices.functions.gb_second),
        _line("function executions", counted.executions, "", prices.functions.million_executions, 1e6),
        _line("blob writes and lists", counted.blob_writes, "", storage.ten_thousand_blob_writes, 1e4),
        _line("blob reads", reads, "", storage.ten_thousand_blob_reads, 1e4),
        _line(
            "queue operations",
            counted.queue_operations + host_operations,
            "",
            storage.ten_thousand_queue_operations,
            1e4,
        ),
        _line("blobs kept", counted.blob_bytes / _GB * assumed.kept_months, "GB-months", storage.gb_month),
        _line("Cosmos DB requests", counted.request_units, "RU", prices.cosmos.million_request_units, 1e6),
        _line(
            "Cosmos DB items kept", counted.item_bytes / _GB * assumed.kept_months, "GB-months", prices.cosmos.gb_month
        ),
        _line("events", counted.manifests, "", prices.event_grid.million_operations, 1e6),
        _line("key vault", vault, "", prices.key_vault.ten_thousand_operations, 1e4),
        _line("logs", counted.log_bytes / _GB, "GB", prices.logs.gb),
        _line("speech", hours, "h", prices.speech.hour),
        _line("model, read", asked, "tokens", prices.model.million_input_tokens, 1e6),
        _line("model, written", assumed.note_tokens, "tokens", prices.model.million_output_tokens, 1e6),
    ]


def _line(name: str, amount: float, unit: str, price: float, per: float = 1) -> Line:
    return Line(name, amount, unit, amount / per * price)

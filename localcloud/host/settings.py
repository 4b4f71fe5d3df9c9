"""What host.json, local.settings.json and the environment tell the host."""

import hashlib
import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.azurite import AzuritePorts, connection_string

_OVERRIDE = "AzureFunctionsJobHost__"
_DAY_HOURS = 24
_TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d+)?))?")


class SettingsError(ValueError):
    """A setting is missing or unreadable; the message names it."""


def timespan_seconds(text: str) -> float:
    """Return the seconds of a .NET TimeSpan `[d.]hh:mm[:ss[.fff]]`. Raises SettingsError."""
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None:
        raise SettingsError(f"not a TimeSpan: {text!r}")
    days, hours, minutes, seconds = match.groups(default="0")
    if int(hours) >= _DAY_HOURS:  # .NET silently reads 24:00:00 as 24 days
        raise SettingsError(f"hours above 23 in TimeSpan {text!r}: write the days as d.hh:mm:ss")
    return ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds)


@dataclass(frozen=True)
class HostSettings:
    """Settings of one host. Application settings are the process environment, which the app reads too."""

    root: Path
    host_json: Mapping[str, Any]
    local_host: Mapping[str, Any]

    @classmethod
    def load(cls, root: Path) -> "HostSettings":
        """Read the files in `root`; values of local.settings.json enter the environment unless it has them."""
        root = root.resolve()
        host_json = _read_json(root / "host.json")
        if host_json.get("version") != "2.0":
            raise SettingsError('host.json: "version" must be "2.0"')
        local = _read_json(root / "local.settings.json") if (root / "local.settings.json").exists() else {}
        if local.get("IsEncrypted"):
            raise SettingsError("local.settings.json is encrypted: run `func settings decrypt`")
        for name, value in (local.get("Values") or {}).items():
            os.environ.setdefault(name, str(value))
        os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        for name, value in sorted(os.environ.items()):
            if name.startswith(_OVERRIDE):
                _override(host_json, name.removeprefix(_OVERRIDE).split("__"), value)
        return cls(root, host_json, local.get("Host") or {})

    @property
    def host_id(self) -> str:
        """What keeps this app's receipts, locks and timers apart from another's; the same after a restart."""
        given = os.environ.get("AzureFunctionsWebHost__hostid")  # noqa: SIM112 - spelled as the real host's
        digest = hashlib.sha256(str(self.root).encode()).hexdigest()[:10]
        machine = re.sub(r"[^a-z0-9]", "", socket.gethostname().lower())[:21]
        return given.lower()[:32] if given else f"{machine}-{digest}"

    @property
    def development(self) -> bool:
        """Whether this is `Development`, where queues are polled every 2 s at the latest."""
        return os.environ["AZURE_FUNCTIONS_ENVIRONMENT"] == "Development"

    @property
    def function_timeout(self) -> float | None:
        """Seconds a function may run, 30 minutes by default; None for no limit."""
        text = str(self.host_json.get("functionTimeout", "00:30:00"))
        return None if text == "-1" else timespan_seconds(text)

    @property
    def message_lease_seconds(self) -> int:
        """How long a message stays hidden once taken."""
        return int(os.environ.get("LOCALHOST_MESSAGE_LEASE_SECONDS", "600"))

    @property
    def blob_poll_seconds(self) -> float:
        """Seconds between two scans of a watched container."""
        return float(os.environ.get("LOCALHOST_BLOB_POLL_SECONDS", "10"))

    def extension(self, name: str, key: str, default: Any = None) -> Any:
        """Return `extensions.<name>.<key>` of host.json; keys know no case, as in .NET configuration."""
        section = (self.host_json.get("extensions") or {}).get(name) or {}
        found = [value for each, value in section.items() if each.lower() == key.lower()]
        return found[-1] if found else default

    def resolve(self, text: str) -> str:
        """Replace each `%NAME%` by the application setting. Raises SettingsError when there is none."""
        return re.sub(r"%([^%]+)%", lambda match: _required(match.group(1)), text)

    def connection(self, name: str | None = None) -> str:
        """Return the storage connection string a binding's `connection` names. Raises SettingsError."""
        name = self.resolve(name) if name else "AzureWebJobsStorage"
        value = os.environ.get(f"AzureWebJobs{name}") or _required(name)
        if value.rstrip("; ").lower() == "usedevelopmentstorage=true":
            return connection_string(AzuritePorts(10000, 10001, 10002))
        return value

    def disabled(self, function: str) -> bool:
        """Whether `AzureWebJobs.<function>.Disabled` (or its spelling with underscores) says so."""
        values = [os.environ.get(f"AzureWebJobs{dot}{function}{dot}Disabled", "") for dot in "._"]
        return any(value.lower() in {"1", "true"} for value in values)


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SettingsError(f"application setting {name} is missing")
    return value


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read {path.name}: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path.name} is not a JSON object")
    return content


def _override(section: dict[str, Any], path: list[str], value: str) -> None:
    """Set the value at `path`, whatever the case of the names on the way."""
    spelled = {key.lower(): key for key in section}
    key = spelled.get(path[0].lower(), path[0])
    if len(path) == 1:
        section[key] = value
        return
    inner = section.setdefault(key, {})
    if not isinstance(inner, dict):
        raise SettingsError(f"{_OVERRIDE}…{key} does not name a section of host.json")
    _override(inner, path[1:], value)

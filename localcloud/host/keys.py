"""Access keys and authorization levels of the HTTP side; off unless the host is started with `--enable-auth`."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import HTTPConnection

from localcloud.host.settings import SettingsError


@dataclass(frozen=True)
class Keys:
    """The keys of one app, by name; never printed."""

    master: str = field(repr=False)
    host: Mapping[str, str] = field(default_factory=dict, repr=False)
    system: Mapping[str, str] = field(default_factory=dict, repr=False)
    functions: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, path: Path) -> "Keys":
        """Read a JSON file with `master`, `host`, `system` and `functions`. Raises SettingsError."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise SettingsError(f"cannot read the keys in {path.name}: {type(error).__name__}") from error

    def allow(self, request: HTTPConnection, level: str, function: str = "") -> bool:
        """Whether the request's key, in `x-functions-key` or `code`, reaches `level`; the master key reaches all."""
        key = request.headers.get("x-functions-key") or request.query_params.get("code") or ""
        accepted = [self.master]
        if level == "function":
            accepted += [*self.host.values(), *self.functions.get(function, {}).values()]
        elif level == "system":
            accepted += self.system.values()
        return level == "anonymous" or any(hmac.compare_digest(key.encode(), each.encode()) for each in accepted)

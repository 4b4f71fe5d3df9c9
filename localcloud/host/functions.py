"""What the host knows of a function: its name and its bindings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TRIGGERS = frozenset({"httpTrigger", "queueTrigger", "blobTrigger", "timerTrigger"})


class FunctionLoadError(RuntimeError):
    """The app cannot run on this host; the message names the function and the reason."""

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(f"cannot load function {function}: {reason}")


@dataclass(frozen=True)
class Function:
    """One indexed function; a binding is its function.json object."""

    name: str
    bindings: tuple[Mapping[str, Any], ...]

    @property
    def id(self) -> str:
        """The name receipts, locks and webhooks use."""
        return f"Host.Functions.{self.name}"

    @property
    def trigger(self) -> Mapping[str, Any]:
        """The binding that starts it."""
        return next(each for each in self.bindings if each["type"].endswith("Trigger"))

    @property
    def kind(self) -> str:
        """`httpTrigger`, `queueTrigger`, `blobTrigger` or `timerTrigger`."""
        return str(self.trigger["type"])

    @property
    def parameter(self) -> str:
        """The Python parameter that takes what the trigger brings."""
        return str(self.trigger["name"])


def supported(functions: Iterable[Function]) -> list[Function]:
    """Return the functions in the order of their names. Raises FunctionLoadError for what this host cannot do."""
    checked = sorted(functions, key=lambda each: each.name.upper())
    for function in checked:
        for binding in function.bindings:
            is_response = binding["type"] == "http" and function.kind == "httpTrigger"
            if binding["type"] not in TRIGGERS and not is_response:
                raise FunctionLoadError(
                    function.name, f"binding {binding['name']} of type {binding['type']} is not supported here"
                )
    return checked

"""Route templates of ASP.NET Core, as far as Functions use them, and the table they are matched from."""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from localcloud.host.functions import Function

Constraint = Callable[[str], bool]

# Parentheses inside a constraint's own, as regex(…) needs them, may nest twice.
_ARGUMENT = r"(?:[^()]|\((?:[^()]|\([^()]*\))*\))*"
_CONSTRAINT = re.compile(rf":(\w+)(?:\(({_ARGUMENT})\))?")
_PARAMETER = re.compile(rf"(\*{{0,2}})(\w+)((?::\w+(?:\({_ARGUMENT}\))?)*)(\?|=.*)?")


class BadTemplate(ValueError):
    """A route template cannot be read."""


def _parses(read: Callable[[str], object]) -> Constraint:
    def check(value: str) -> bool:
        try:
            read(value)
        except ValueError:
            return False
        return True

    return check


def _integer(low: int, high: int) -> Constraint:
    return lambda value: re.fullmatch(r"-?\d+", value) is not None and low <= int(value) <= high


_NO_ARGUMENT: Mapping[str, Constraint] = {
    "int": _integer(-(2**31), 2**31 - 1),
    "long": _integer(-(2**63), 2**63 - 1),
    "bool": lambda value: value.lower() in {"true", "false"},
    "guid": _parses(uuid.UUID),
    "decimal": _parses(float),
    "double": _parses(float),
    "float": _parses(float),
    "datetime": _parses(datetime.fromisoformat),
    "alpha": lambda value: re.fullmatch(r"[A-Za-z]*", value) is not None,
    "required": bool,
}
_ONE_NUMBER: Mapping[str, Callable[[int], Constraint]] = {
    "minlength": lambda size: lambda value: len(value) >= size,
    "maxlength": lambda size: lambda value: len(value) <= size,
    "length": lambda size: lambda value: len(value) == size,
    "min": lambda low: _integer(low, 2**63 - 1),
    "max": lambda high: _integer(-(2**63), high),
}
_TWO_NUMBERS: Mapping[str, Callable[[int, int], Constraint]] = {
    "length": lambda low, high: lambda value: low <= len(value) <= high,
    "range": _integer,
}


def constraint(name: str, argument: str | None) -> Constraint:
    """Return the check of an inline constraint such as `long` or `length(1,64)`. Raises BadTemplate."""
    name = name.lower()
    if argument is None:
        found = _NO_ARGUMENT.get(name)
    elif name == "regex":
        expression = re.compile(argument, re.IGNORECASE)
        return lambda value: expression.search(value) is not None
    elif re.fullmatch(r"\s*-?\d+\s*", argument):
        found = _ONE_NUMBER[name](int(argument)) if name in _ONE_NUMBER else None
    else:
        low, _, high = argument.partition(",")
        found = _TWO_NUMBERS[name](int(low), int(high)) if name in _TWO_NUMBERS else None
    if found is None:
        raise BadTemplate(f"unknown route constraint {name!r}")
    return found


@dataclass(frozen=True)
class Parameter:
    """A `{…}` of a template."""

    name: str
    constraints: tuple[Constraint, ...]
    optional: bool
    default: str | None
    catch_all: bool

    @classmethod
    def parse(cls, text: str) -> "Parameter":
        """Read what stands between the braces: `*rest`, `id:long`, `name:regex(…)=default`, `tail?`."""
        match = _PARAMETER.fullmatch(text)
        if match is None:
            raise BadTemplate(f"not a route parameter: {{{text}}}")
        stars, name, checks, end = match.group(1, 2, 3, 4)
        found = tuple(constraint(*each.group(1, 2)) for each in _CONSTRAINT.finditer(checks))
        default = end[1:] if end and end != "?" else None
        return cls(name, found, optional=bool(end or stars), default=default, catch_all=bool(stars))


class Template:
    """A route template, matched without case; it takes whole paths without their outer slashes."""

    def __init__(self, text: str) -> None:
        self._parameters: dict[str, Parameter] = {}
        expression = ""
        for segment in _segments(text.strip("/")):
            parameters = [part for part in segment if isinstance(part, Parameter)]
            optional = any(each.optional for each in parameters)
            if optional and len(segment) > 1:
                raise BadTemplate(f"an optional parameter must be a segment of its own: {text}")
            slash = "/" if expression else ""
            inner = slash + "".join(self._expression(part) for part in segment)
            expression += f"(?:{inner})?" if optional else inner
        self._match = re.compile(expression, re.IGNORECASE | re.DOTALL).fullmatch

    def match(self, path: str) -> dict[str, str] | None:
        """Return the route parameters of `path`, or None when it is another's."""
        found = self._match(path)
        if found is None:
            return None
        values = {name: value for name, value in found.groupdict().items() if value}
        for name, parameter in self._parameters.items():
            if name in values and not all(check(values[name]) for check in parameter.constraints):
                return None
            if name not in values and parameter.default is not None:
                values[name] = parameter.default
        return values

    def _expression(self, part: str | Parameter) -> str:
        if isinstance(part, str):
            return re.escape(part)
        if part.name in self._parameters:
            raise BadTemplate(f"route parameter {part.name} appears twice")
        self._parameters[part.name] = part
        return f"(?P<{part.name}>{'.*' if part.catch_all else '[^/]+?'})"


def _segments(text: str) -> list[list[str | Parameter]]:
    """Split a template at its slashes; doubled braces stand for themselves."""
    segments: list[list[str | Parameter]] = [[]] if text else []
    token = re.compile(r"\{((?:[^{}]|\{\{|\}\})+)\}(?!\})|(/)|((?:[^{}/]|\{\{|\}\})+)")
    position = 0
    while position < len(text):
        match = token.match(text, position)
        if match is None:
            raise BadTemplate(f"unbalanced braces in route template {text!r}")
        parameter, slash, literal = (part and part.replace("{{", "{").replace("}}", "}") for part in match.groups())
        if slash:
            segments.append([])
        else:
            segments[-1].append(Parameter.parse(parameter) if parameter else literal)
        position = match.end()
    return segments


@dataclass(frozen=True)
class Route:
    """Where an HTTP function is reached; no methods means all."""

    function: Function
    template: Template
    methods: frozenset[str]
    auth_level: str


class RouteTable:
    """The routes of an app in the order of its functions' names, which is the order the host tries them in."""

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        self.routes = [_route(each, prefix) for each in functions if each.kind == "httpTrigger"]

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the first route that takes `method` and `path`, with the route parameters."""
        for route in self.routes:
            if not route.methods or method in route.methods:
                parameters = route.template.match(path.strip("/"))
                if parameters is not None:
                    return route, parameters
        return None


def _route(function: Function, prefix: str) -> Route:
    trigger = function.trigger
    path = function.name if trigger.get("route") is None else str(trigger["route"])
    return Route(
        function,
        Template(f"{prefix.strip('/')}/{path.strip('/')}"),
        frozenset(str(each).upper() for each in trigger.get("methods") or ()),
        str(trigger.get("authLevel") or "function").lower(),
    )

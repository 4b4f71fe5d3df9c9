"""What an expression can be known to be without deploying it.

An expression has one or several possible values (both branches of a condition, each element of a loop's list). What
depends on the deployment is of unknown value and, where it can be told, of known kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tree_sitter import Node

from infra.check.schemas import ObjectType, Schema, load
from infra.check.source import Declaration, Finding, Source, children, literal, properties, text

UNKNOWN = "unknown"
_RESULTS = {
    "string": "base64 format guid join loadTextContent newGuid padLeft replace resourceId string "
    "subscriptionResourceId substring take toLower toUpper trim uniqueString uri",
    "int": "length max min int",
    "bool": "contains empty endsWith startsWith bool",
    "array": "concat filter flatten items map objectKeys range sort split",
    "object": "toObject",
}
RESULT_KINDS = {name: kind for kind, names in _RESULTS.items() for name in names.split()}
OTHER_FUNCTIONS = frozenset(
    {"any", "coalesce", "deployment", "environment", "first", "intersection", "json", "last", "listKeys"}
    | {"loadJsonContent", "reference", "resourceGroup", "skip", "subscription", "tenant", "union"}
)


@dataclass(frozen=True)
class Value:
    """One possible value. `given` is the text, number or truth where known; the rest by kind."""

    kind: str = UNKNOWN
    given: Any = None
    node: Node | None = None
    """The object or array as written."""
    schema: Schema | None = None
    """Of a resource's property: `kind` is then a type of this schema."""
    outputs: Mapping[str, Declaration] | None = None
    """Of a module's outputs."""


Scope = Mapping[str, tuple[Value, ...]]
"""Loop and lambda variables."""
_NOTHING_KNOWN = (Value(),)


@dataclass
class Evaluator:
    """Evaluates expressions of one file; `findings` are properties that are not there."""

    source: Source
    findings: list[Finding] = field(default_factory=list)

    def values(self, node: Node, scope: Scope) -> tuple[Value, ...]:  # noqa: C901, PLR0911 (a case for each kind)
        """What the expression may be."""
        match node.type:
            case "string":
                return (Value("string", literal(node)),)
            case "number":
                return (Value("int", int(text(node))),)
            case "boolean":
                return (Value("bool", text(node) == "true"),)
            case "null" | "object":
                return (Value(node.type, node=node),)
            case "array":
                loop = [child for child in children(node) if child.type == "for_statement"]
                return (Value("array", node=None if loop else node),)
            case "for_statement":
                return (Value("array"),)
            case "parenthesized_expression":
                return self.values(children(node)[0], scope)
            case "ternary_expression":
                return self._branches(node, scope)
            case "identifier":
                return self._symbol(text(node), scope)
            case "member_expression":
                return self._member(node, scope)
            case "subscript_expression":
                return tuple(self._elements(self.values(children(node)[0], scope), scope)) or _NOTHING_KNOWN
            case "call_expression":
                return self._call(node)
        return _NOTHING_KNOWN

    def elements(self, node: Node, scope: Scope) -> tuple[Value, ...]:
        """What each round of a loop over the expression may have."""
        return tuple(self._elements(self.values(node, scope), scope)) or _NOTHING_KNOWN

    def _elements(self, values: Iterable[Value], scope: Scope) -> Iterable[Value]:
        for value in values:
            if isinstance(value.given, dict | list):
                held = value.given.values() if isinstance(value.given, dict) else value.given
                yield from map(of_json, held)
            elif value.kind == "array" and value.node is not None:
                for item in children(value.node):
                    yield from self.values(item, scope)
            elif value.kind.startswith("resource:"):
                yield value
            else:
                yield Value()

    def _branches(self, node: Node, scope: Scope) -> tuple[Value, ...]:
        branches = [node.child_by_field_name(name) for name in ("consequence", "alternative")]
        return tuple(value for each in branches if each is not None for value in self.values(each, scope))

    def _symbol(self, name: str, scope: Scope) -> tuple[Value, ...]:
        if name in scope:
            return scope[name]
        declared = next((each for each in self.source.declarations if each.name == name), None)
        match declared.kind if declared is not None else "":
            case "var":
                assert declared is not None
                return self.values(declared.value, {}) if declared.value is not None else _NOTHING_KNOWN
            case "param":
                assert declared is not None
                allowed = self.source.allowed(name)
                kind = (
                    declared.type_text
                    if declared.type_text in {"string", "int", "bool", "object", "array"}
                    else UNKNOWN
                )
                return tuple(Value(kind, each) for each in allowed) or (Value(kind),)
            case "resource":
                return (Value(f"resource:{name}"),)
            case "module":
                return (Value(f"module:{name}"),)
        return _NOTHING_KNOWN

    def _call(self, node: Node) -> tuple[Value, ...]:
        name = text(children(node)[0])
        if name == "loadJsonContent":
            path = self.source.path.parent / (literal(children(children(node)[1])[0]) or "")
            if path.is_file():
                return (of_json(json.loads(path.read_text("utf-8"))),)
            self.findings.append(self.source.finding(node, f"no file {path}"))
        return (Value(RESULT_KINDS.get(name, UNKNOWN)),)

    def _member(self, node: Node, scope: Scope) -> tuple[Value, ...]:
        owner, name = children(node)[0], text(children(node)[-1])
        found: list[Value] = []
        for value in self.values(owner, scope):
            inner = self._property(value, name, scope)
            if inner is None:
                self.findings.append(self.source.finding(node, f"{text(owner)} has no {name!r}"))
                return _NOTHING_KNOWN
            found += inner
        return tuple(found)

    def _property(  # noqa: PLR0911 (a case for each kind)
        self, value: Value, name: str, scope: Scope
    ) -> tuple[Value, ...] | None:
        """The property; None when there is certainly none."""
        kind, _, symbol = value.kind.partition(":")
        if kind == "resource":
            return self._of_resource(self.source.of_kind("resource")[symbol], name)
        if kind == "module":
            return self._of_module(self.source.of_kind("module")[symbol], name)
        if value.outputs is not None:
            return (Value(value.outputs[name].type_text),) if name in value.outputs else None
        if value.schema is not None:
            return _of_type(value.schema, value.schema.types.get(value.kind), name)
        if isinstance(value.given, dict):
            return (of_json(value.given[name]),) if name in value.given else None
        if value.node is not None and value.kind == "object":
            held = properties(value.node)
            return self.values(held[name][1], scope) if name in held else None
        return None if value.kind in {"string", "int", "bool"} else _NOTHING_KNOWN

    def _of_resource(self, declared: Declaration, name: str) -> tuple[Value, ...] | None:
        if name in {"id", "name", "type", "apiVersion", "location"}:
            return (Value("string"),)
        schema = load(declared.text.partition("@")[0])
        return _of_type(schema, schema.body, name) if schema is not None else _NOTHING_KNOWN

    def _of_module(self, declared: Declaration, name: str) -> tuple[Value, ...] | None:
        path = self.source.path.parent / declared.text
        if name != "outputs" or not path.is_file():
            return _NOTHING_KNOWN if name in {"outputs", "name"} else None
        return (Value("outputs", outputs=Source.read(path).of_kind("output")),)


def _of_type(schema: Schema, owner: ObjectType | None, name: str) -> tuple[Value, ...] | None:
    if owner is None or owner.additional or owner.discriminator:
        return _NOTHING_KNOWN
    if name not in owner.properties:
        return None
    kind = owner.properties[name].type
    known = kind in {"string", "int", "bool"}
    return (Value(kind),) if known else (Value(kind, schema=schema),) if kind in schema.types else _NOTHING_KNOWN


def of_json(held: Any) -> Value:
    """A value from a JSON file."""
    kinds: dict[type, str] = {
        str: "string",
        bool: "bool",
        int: "int",
        dict: "object",
        list: "array",
        type(None): "null",
    }
    return Value(kinds.get(type(held), UNKNOWN), held)

"""Resources against the types that Azure publishes."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from infra.check.schemas import ObjectType, Schema, load
from infra.check.source import Declaration, Finding, Source, body, children, properties
from infra.check.symbols import loop_scope
from infra.check.values import UNKNOWN, Evaluator, Scope, Value

_ONLY_IN_BICEP = frozenset({"parent", "scope", "dependsOn"})
_PRIMITIVE = frozenset({"string", "int", "bool", "any", "null", "object", "array"})


def check(source: Source) -> Iterator[Finding]:
    """Type, version, properties and values of every resource that the file makes."""
    for declared in source.of_kind("resource").values():
        name, _, version = declared.text.partition("@")
        schema = load(name)
        if schema is None:
            yield source.finding(declared.node, f"no schema of {name}: see infra/check/export.py")
        elif schema.version != version:
            yield source.finding(declared.node, f"{name}@{version} was not checked, its schema is {schema.version}")
        elif not declared.existing:
            yield from _Resource(source, schema).check(declared)


class _Resource:
    def __init__(self, source: Source, schema: Schema) -> None:
        self._source = source
        self._schema = schema
        self._evaluator = Evaluator(source)  # what it finds is told by `symbols`

    def check(self, declared: Declaration) -> Iterator[Finding]:
        inner = body(declared.value)
        if inner is None:
            yield self._source.finding(declared.node, f"{declared.name} has no body")
            return
        scope_name = self._source.scope[:1].upper() + self._source.scope[1:]
        if self._schema.scopes not in {"All", "AllExceptExtension"} and scope_name not in self._schema.scopes:
            yield self._source.finding(
                declared.node, f"{self._schema.name} cannot be deployed to a {self._source.scope}"
            )
        yield from self._object(
            inner, self._schema.body, declared.name, loop_of(declared.value, self._evaluator), top=True
        )

    def _object(
        self, node: Node, kind: ObjectType, where: str, scope: Scope, *, top: bool = False
    ) -> Iterator[Finding]:
        held = properties(node)
        if kind.discriminator:
            yield from self._variant(node, kind, where, scope, top=top)
            return
        for name, (key, value) in held.items():
            known = kind.properties.get(name)
            if top and name in _ONLY_IN_BICEP:
                continue
            if known is None:
                if not kind.additional:
                    yield self._source.finding(key, f"{where} has no property {name!r}")
                elif kind.additional not in {"any", ""}:
                    yield from self._value(value, kind.additional, f"{where}.{name}", scope)
                continue
            if known.read_only:
                yield self._source.finding(key, f"{where}.{name} is read-only")
            yield from self._value(value, known.type, f"{where}.{name}", scope)
        for name, known in kind.properties.items():
            if known.required and name not in held:
                yield self._source.finding(node, f"{where} lacks {name!r}")

    def _variant(self, node: Node, kind: ObjectType, where: str, scope: Scope, *, top: bool) -> Iterator[Finding]:
        held = properties(node)
        if kind.discriminator not in held:
            yield self._source.finding(node, f"{where} lacks {kind.discriminator!r}")
            return
        for value in self._evaluator.values(held[kind.discriminator][1], scope):
            if value.given is None:
                continue
            chosen = kind.variant(value.given)
            if chosen is None:
                among = ", ".join(sorted(kind.variants))
                yield self._source.finding(node, f"{where}.{kind.discriminator} {value.given!r} is none of {among}")
            else:
                yield from self._object(node, chosen, where, scope, top=top)

    def _value(self, node: Node, kind: str, where: str, scope: Scope) -> Iterator[Finding]:
        while node.type == "parenthesized_expression":
            node = children(node)[0]
        if node.type == "ternary_expression":
            for name in ("consequence", "alternative"):
                branch = node.child_by_field_name(name)
                if branch is not None:
                    yield from self._value(branch, kind, where, scope)
        elif kind.endswith("[]"):
            yield from self._array(node, kind.removesuffix("[]").strip("()"), where, scope)
        else:
            for value in self._evaluator.values(node, scope):
                yield from self._fits(node, value, kind, where, scope)

    def _array(self, node: Node, kind: str, where: str, scope: Scope) -> Iterator[Finding]:
        loop = node if node.type == "for_statement" else next(iter(_loops(node)), None)
        if loop is not None:
            names, collection, *rest = children(loop)
            inner = loop_scope(self._evaluator, names, collection, scope)
            yield from self._value(rest[-1], kind, f"{where}[]", inner)
            return
        for value in self._evaluator.values(node, scope):
            if value.kind == "array" and value.node is not None:
                for item in children(value.node):
                    yield from self._value(item, kind, f"{where}[]", scope)
            elif value.kind in _PRIMITIVE - {"array", "any", "null"}:
                yield self._source.finding(node, f"{where} is a list, not {_told(value)}")

    def _fits(self, node: Node, value: Value, kind: str, where: str, scope: Scope) -> Iterator[Finding]:
        options = [each.strip() for each in kind.split("|")]
        owner = self._schema.types.get(kind)
        if value.kind in {UNKNOWN, "null"} or "any" in options or value.schema is not None:
            return
        if owner is not None:
            if value.kind == "object" and value.node is not None:
                yield from self._object(value.node, owner, where, scope)
            elif value.kind != "object":
                yield self._source.finding(node, f"{where} is an object, not {_told(value)}")
        elif value.kind in {"int", "bool"} and value.kind not in options:
            yield self._source.finding(node, f"{where} is {kind}, not {_told(value)}")
        elif value.kind in {"object", "array"} and value.kind not in options:
            yield self._source.finding(node, f"{where} is {kind}, not {value.kind}")
        elif value.kind == "string":
            yield from self._text_fits(node, value, options, where)

    def _text_fits(self, node: Node, value: Value, options: list[str], where: str) -> Iterator[Finding]:
        choices = [each for each in options if each not in _PRIMITIVE and each not in self._schema.types]
        if not choices and "string" not in options:
            yield self._source.finding(node, f"{where} is {' or '.join(options)}, not {_told(value)}")
        elif choices and value.given is not None and value.given not in options:
            # Where any string is allowed beside named ones, it is for values to come; ours are of today.
            yield self._source.finding(node, f"{where} {value.given!r} is none of {', '.join(choices)}")


def loop_of(node: Node | None, evaluator: Evaluator) -> Scope:
    """The variables of the loop a resource is made in."""
    for loop in _loops(node) if node is not None else []:
        names, collection, *_ = children(loop)
        return loop_scope(evaluator, names, collection, {})
    return {}


def _loops(node: Node) -> list[Node]:
    return [each for each in (node, *children(node)) if each.type == "for_statement"]


def _told(value: Value) -> str:
    return f"{value.kind} {value.given!r}" if value.given is not None else value.kind

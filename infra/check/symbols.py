"""Names: each is declared once, each use has a declaration, each declaration a use."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from infra.check.source import Finding, Source, children, text
from infra.check.values import OTHER_FUNCTIONS, RESULT_KINDS, Evaluator, Scope, Value

_DECORATORS = frozenset({"allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"})
_MUST_BE_USED = frozenset({"param", "var"})


def check(source: Source) -> Iterator[Finding]:
    """Symbols, functions, and members of what is known."""
    walk = _Walk(source)
    for declared in source.declarations:
        if [each.name for each in source.declarations if each.kind != "output"].count(declared.name) > 1:
            yield source.finding(declared.node, f"{declared.name} is declared twice")
    walk.visit(source.root, {})
    yield from walk.findings
    yield from walk.evaluator.findings
    for declared in source.declarations:
        if declared.kind in _MUST_BE_USED and declared.name not in walk.used:
            yield source.finding(declared.node, f"{declared.kind} {declared.name} is never used")


class _Walk:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.evaluator = Evaluator(source)
        self.findings: list[Finding] = []
        self.used: set[str] = set()
        self._declared = {each.name for each in source.declarations if each.kind != "output"}

    def visit(self, node: Node, scope: Scope) -> None:
        match node.type:
            case "identifier":
                self._name(node, scope)
            case "call_expression":
                self._function(children(node)[0])
                self._all(children(node)[1:], scope)
            case "object_property":
                self._all(children(node)[1:], scope)
            case "for_statement":
                self._loop(node, scope)
            case "lambda_expression":
                names = _identifiers(children(node)[0])
                self.visit(children(node)[-1], {**scope, **dict.fromkeys(names, (Value(),))})
            case "member_expression":
                self.visit(children(node)[0], scope)
                self.evaluator.values(node, scope)
            case kind if kind.endswith("_declaration"):
                self._all(children(node)[1:], scope)
            case "type":
                return
            case _:
                self._all(children(node), scope)

    def _all(self, nodes: list[Node], scope: Scope) -> None:
        for node in nodes:
            self.visit(node, scope)

    def _name(self, node: Node, scope: Scope) -> None:
        name = text(node)
        self.used.add(name)
        if name not in self._declared and name not in scope:
            self.findings.append(self.source.finding(node, f"{name} is not declared"))

    def _function(self, node: Node) -> None:
        if text(node) not in RESULT_KINDS.keys() | OTHER_FUNCTIONS | _DECORATORS:
            self.findings.append(self.source.finding(node, f"no function {text(node)} that this check knows"))

    def _loop(self, node: Node, scope: Scope) -> None:
        names, collection, rest = children(node)[0], children(node)[1], children(node)[2:]
        self.visit(collection, scope)
        self._all(rest, loop_scope(self.evaluator, names, collection, scope))


def loop_scope(evaluator: Evaluator, names: Node, collection: Node, scope: Scope) -> Scope:
    """The scope within a loop: its item, and its index where it has one."""
    item, *index = _identifiers(names)
    return {**scope, item: evaluator.elements(collection, scope), **dict.fromkeys(index, (Value("int"),))}


def _identifiers(node: Node) -> list[str]:
    if node.type in {"identifier", "loop_variable", "loop_enumerator"}:
        return [text(node)]
    return [name for child in children(node) for name in _identifiers(child)]

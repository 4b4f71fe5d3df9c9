"""A Bicep file, parsed: its declarations, and the little that all checks ask of a node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_bicep.language()))
_COMMENTS = frozenset({"comment", "diagnostic_comment"})
_DECLARATIONS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}


@dataclass(frozen=True, order=True)
class Finding:
    """Something wrong, and where; line and column begin at 1."""

    path: Path
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


@dataclass(frozen=True)
class Declaration:
    """A `param`, `var`, `resource`, `module` or `output`."""

    kind: str
    name: str
    node: Node

    @property
    def text(self) -> str:
        """The string after the name: a resource's type and version, a module's path."""
        return next((literal(child) or "" for child in self.node.named_children if child.type == "string"), "")

    @property
    def value(self) -> Node | None:
        """What is assigned; None for a parameter without default. A loop's or a condition's body is not unwrapped."""
        assigned = [child for child in children(self.node)[1:] if child.type != "type"]
        if self.kind in {"resource", "module"}:
            assigned = assigned[1:]
        return assigned[-1] if assigned else None

    @property
    def type_text(self) -> str:
        """A parameter's or output's declared type."""
        return next((text(child) for child in self.node.named_children if child.type == "type"), "")

    @property
    def existing(self) -> bool:
        """Whether a resource is only referred to."""
        return any(text(child) == "existing" for child in self.node.children)


@dataclass(frozen=True)
class Source:
    """One file."""

    path: Path
    root: Node

    @classmethod
    def read(cls, path: Path) -> Source:
        """Parse it, whatever is in it; `syntax_errors` tells whether that made sense."""
        return cls(path, _PARSER.parse(path.read_bytes()).root_node)

    @cached_property
    def declarations(self) -> tuple[Declaration, ...]:
        """In the order of the file."""
        return tuple(
            Declaration(_DECLARATIONS[node.type], text(children(node)[0]), node)
            for node in self.root.named_children
            if node.type in _DECLARATIONS
        )

    def of_kind(self, kind: str) -> dict[str, Declaration]:
        """Declarations of one kind by name."""
        return {each.name: each for each in self.declarations if each.kind == kind}

    @cached_property
    def scope(self) -> str:
        """What the file is deployed to."""
        assigned = [node for node in self.root.named_children if node.type == "target_scope_assignment"]
        return literal(assigned[0].named_children[0]) or "" if assigned else "resourceGroup"

    def allowed(self, name: str) -> list[str]:
        """What `@allowed` lets a parameter be, as written; empty when it says nothing."""
        before: Node | None = None
        for node in self.root.named_children:
            if node.type == "parameter_declaration" and text(children(node)[0]) == name and before is not None:
                calls = [each.named_children[0] for each in before.named_children]
                arrays = [
                    call.named_children[1].named_children[0] for call in calls if text(call).startswith("allowed(")
                ]
                return [literal(item) or text(item) for array in arrays for item in children(array)]
            before = node if node.type == "decorators" else None
        return []

    def finding(self, node: Node, message: str) -> Finding:
        """Something wrong at a node."""
        return Finding(self.path, node.start_point[0] + 1, node.start_point[1] + 1, message)

    def syntax_errors(self) -> Iterator[Finding]:
        """Whatever the grammar could make nothing of."""
        yield from self._syntax_errors(self.root)

    def _syntax_errors(self, node: Node) -> Iterator[Finding]:
        if node.type == "ERROR" or node.is_missing:
            yield self.finding(node, f"syntax error near {text(node)[:40]!r}")
        elif node.has_error:
            for child in node.children:
                yield from self._syntax_errors(child)


def text(node: Node) -> str:
    """The node as written."""
    return (node.text or b"").decode()


def children(node: Node) -> list[Node]:
    """Named children without comments."""
    return [child for child in node.named_children if child.type not in _COMMENTS]


def literal(node: Node) -> str | None:
    """A string's value; None for anything else, and for a string with something inserted."""
    if node.type != "string" or any(child.type == "interpolation" for child in node.named_children):
        return None
    return "".join(text(child) for child in node.named_children if child.type == "string_content").replace("\\'", "'")


def properties(node: Node) -> dict[str, tuple[Node, Node]]:
    """An object's properties: the key's node and the value's. Keys with something inserted are left out."""
    found = {}
    for entry in children(node):
        parts = children(entry)
        if entry.type != "object_property" or len(parts) < 2:  # noqa: PLR2004 (a key and a value)
            continue
        name = literal(parts[0]) if parts[0].type == "string" else text(parts[0])
        if name is not None:
            found[name] = (parts[0], parts[-1])
    return found


def body(node: Node | None) -> Node | None:
    """The object within a condition, a loop, or neither."""
    while node is not None and node.type in {"if_statement", "for_statement", "parenthesized_expression"}:
        node = children(node)[-1]
    return node if node is not None and node.type == "object" else None

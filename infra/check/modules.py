"""Modules: every call gives what the module asks for, of the right kind, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from infra.check.resources import loop_of
from infra.check.source import Declaration, Finding, Source, body, properties
from infra.check.values import Evaluator


def check(source: Source) -> Iterator[Finding]:
    """Every module that the file deploys."""
    for call in source.of_kind("module").values():
        path = source.path.parent / call.text
        inner = body(call.value)
        if not path.is_file():
            yield source.finding(call.node, f"no file {path}")
        elif inner is not None:
            yield from _call(source, call, Source.read(path))


def _call(source: Source, call: Declaration, module: Source) -> Iterator[Finding]:
    inner = body(call.value)
    assert inner is not None
    held = properties(inner)
    if source.scope != module.scope and "scope" not in held:
        yield source.finding(call.node, f"{call.name} needs a scope: it is deployed to a {module.scope}")
    given = properties(held["params"][1]) if "params" in held else {}
    evaluator = Evaluator(source)
    scope = loop_of(call.value, evaluator)
    asked = module.of_kind("param")
    for name, (key, value) in given.items():
        if name not in asked:
            yield source.finding(key, f"{call.text} has no parameter {name!r}")
            continue
        kind, allowed = asked[name].type_text, module.allowed(name)
        for each in evaluator.values(value, scope):
            if each.kind in {"string", "int", "bool", "object", "array"} and each.kind != kind:
                yield source.finding(value, f"{call.text} takes {kind} as {name!r}, not {each.kind}")
            elif allowed and each.given is not None and str(each.given) not in allowed:
                yield source.finding(
                    value, f"{call.text} takes one of {', '.join(allowed)} as {name!r}, not {each.given!r}"
                )
    for name, parameter in asked.items():
        if name not in given and parameter.value is None:
            yield source.finding(call.node, f"{call.text} lacks parameter {name!r}")

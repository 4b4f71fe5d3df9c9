"""JSON values as Cosmos sees them: a type order, `undefined` beside `null`, property paths."""

import json
import re
from typing import Any, Final

_SEGMENT = re.compile(r'/(?:"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|([^/]*))')
_UNDEFINED_RANK, _NULL_RANK, _BOOLEAN_RANK, _NUMBER_RANK, _STRING_RANK, _ARRAY_RANK, _OBJECT_RANK = range(7)

_RANKS: dict[type, int] = {
    type(None): _NULL_RANK,
    bool: _BOOLEAN_RANK,
    int: _NUMBER_RANK,
    float: _NUMBER_RANK,
    str: _STRING_RANK,
    list: _ARRAY_RANK,
    dict: _OBJECT_RANK,
}


class _Undefined:
    """The absence of a value; unlike `null` it equals nothing, itself included."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = _Undefined()


def dump(value: Any) -> str:
    """Return `value` as compact JSON text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def rank(value: Any) -> int:
    """Place of the value's type in the order of Cosmos: undefined, null, boolean, number, string, array, object."""
    return _RANKS.get(type(value), _UNDEFINED_RANK)


def is_number(value: Any) -> bool:
    """Whether `value` is a JSON number; Python counts booleans among the integers, JSON does not."""
    return rank(value) == _NUMBER_RANK


def is_scalar(value: Any) -> bool:
    """Whether `value` is null, a boolean, a number or a string."""
    return _UNDEFINED_RANK < rank(value) < _ARRAY_RANK


def compare(left: Any, right: Any) -> int:
    """Order of two values, -1, 0 or 1: by type first, then within the type."""
    left_rank, right_rank = rank(left), rank(right)
    if left_rank != right_rank:
        return -1 if left_rank < right_rank else 1
    if left_rank <= _NULL_RANK:
        return 0
    if left_rank >= _ARRAY_RANK:
        left, right = dump(left), dump(right)
    return int(left > right) - int(left < right)


def equal(left: Any, right: Any) -> bool:
    """Whether two defined values are the same JSON value: `1` and `1.0` are, `1` and `true` are not."""
    if rank(left) != rank(right):
        return False
    match left:
        case list():
            return len(left) == len(right) and all(map(equal, left, right))
        case dict():
            return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    return bool(left == right)


def split_path(path: str) -> tuple[str, ...]:
    """Return the property names of a path such as `/a/b` or `/a/"odd name"/?`, wildcards included."""
    return tuple(re.sub(r"\\(.)", r"\1", a or b or c) for a, b, c in _SEGMENT.findall(path))


def property_at(document: Any, names: tuple[str, ...]) -> Any:
    """Return the value under `names`, UNDEFINED where the document has none."""
    for name in names:
        if not isinstance(document, dict) or name not in document:
            return UNDEFINED
        document = document[name]
    return document

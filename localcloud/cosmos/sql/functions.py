"""Built-in functions of queries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.cosmos.values import UNDEFINED, equal, is_number


@dataclass(frozen=True)
class Function:
    """A function of values; `arity` is the numbers of arguments it takes."""

    compute: Callable[..., Any]
    arity: tuple[int, ...] = (1,)


def _texts(compute: Callable[[str, str], bool]) -> Callable[..., Any]:
    """Make a test of two strings: undefined for anything else, ignoring case when a third argument is true."""

    def test(text: Any, part: Any, ignore_case: Any = False) -> Any:
        if not isinstance(text, str) or not isinstance(part, str):
            return UNDEFINED
        return compute(text.lower(), part.lower()) if ignore_case is True else compute(text, part)

    return test


def _text(compute: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: compute(value) if isinstance(value, str) else UNDEFINED


def _array_contains(array: Any, wanted: Any, partial: Any = False) -> Any:
    if not isinstance(array, list) or wanted is UNDEFINED:
        return UNDEFINED
    if partial is True and isinstance(wanted, dict):
        return any(isinstance(each, dict) and _has_members(each, wanted) for each in array)
    return any(equal(each, wanted) for each in array)


def _has_members(document: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(name in document and equal(document[name], value) for name, value in wanted.items())


FUNCTIONS = {
    "IS_DEFINED": Function(lambda value: value is not UNDEFINED),
    "IS_NULL": Function(lambda value: value is None),
    "IS_STRING": Function(lambda value: isinstance(value, str)),
    "IS_NUMBER": Function(is_number),
    "IS_BOOL": Function(lambda value: isinstance(value, bool)),
    "IS_ARRAY": Function(lambda value: isinstance(value, list)),
    "IS_OBJECT": Function(lambda value: isinstance(value, dict)),
    "STARTSWITH": Function(_texts(str.startswith), (2, 3)),
    "ENDSWITH": Function(_texts(str.endswith), (2, 3)),
    "CONTAINS": Function(_texts(str.__contains__), (2, 3)),
    "STRINGEQUALS": Function(_texts(str.__eq__), (2, 3)),
    "LOWER": Function(_text(str.lower)),
    "UPPER": Function(_text(str.upper)),
    "LENGTH": Function(_text(len)),
    "ARRAY_LENGTH": Function(lambda value: len(value) if isinstance(value, list) else UNDEFINED),
    "ARRAY_CONTAINS": Function(_array_contains, (2, 3)),
}

"""Expressions → functions of an item. Three truth values: a comparison with `undefined` is undefined, and no match."""

from collections.abc import Callable
from typing import Any

from localcloud.cosmos.sql.functions import FUNCTIONS
from localcloud.cosmos.sql.syntax import (
    Aggregate,
    ArrayOf,
    Between,
    Call,
    Comparison,
    Connective,
    Expression,
    In,
    Literal,
    Not,
    ObjectOf,
    Path,
)
from localcloud.cosmos.values import UNDEFINED, compare, equal, is_number, is_scalar, rank

Evaluator = Callable[[Any], Any]
Predicate = Callable[[Any], bool]


def compile_predicate(where: Expression | None) -> Predicate:
    """Return a test of items: true only where the condition is true, not where it is undefined."""
    if where is None:
        return lambda item: True
    condition = compile_expression(where)
    return lambda item: condition(item) is True


def compile_expression(expression: Expression, totals: dict[Aggregate, Any] | None = None) -> Evaluator:
    """Return a function from an item to the expression's value; aggregates have the value `totals` holds."""
    return _Compiler(totals or {}).compile(expression)


class _Compiler:
    """Builds the functions, one method for each kind of expression."""

    def __init__(self, totals: dict[Aggregate, Any]) -> None:
        self._totals = totals

    def compile(self, expression: Expression) -> Evaluator:
        return _BUILDERS[type(expression)](self, expression)

    def all(self, expressions: tuple[Expression, ...]) -> list[Evaluator]:
        return [self.compile(each) for each in expressions]

    def literal(self, expression: Literal) -> Evaluator:
        value = expression.value
        return lambda item: value

    def path(self, expression: Path) -> Evaluator:
        names = expression.names
        return lambda item: _property(item, names)

    def negation(self, expression: Not) -> Evaluator:
        return _not(self.compile(expression.operand))

    def connective(self, expression: Connective) -> Evaluator:
        return _connective(self.all(expression.operands), decisive=expression.operator == "OR")

    def comparison(self, expression: Comparison) -> Evaluator:
        return _comparison(expression.operator, self.compile(expression.left), self.compile(expression.right))

    def contained(self, expression: In) -> Evaluator:
        operand, choices = self.compile(expression.operand), expression.choices
        values = [choice.value for choice in choices if isinstance(choice, Literal) and is_scalar(choice.value)]
        if len(values) == len(choices):
            return _in_values(operand, values)
        return _in(operand, self.all(choices))

    def between(self, expression: Between) -> Evaluator:
        operand = self.compile(expression.operand)
        above = _comparison(">=", operand, self.compile(expression.low))
        below = _comparison("<=", operand, self.compile(expression.high))
        return _connective([above, below], decisive=False)

    def call(self, expression: Call) -> Evaluator:
        return _call(FUNCTIONS[expression.function].compute, self.all(expression.arguments))

    def array(self, expression: ArrayOf) -> Evaluator:
        return _array(self.all(expression.elements))

    def object(self, expression: ObjectOf) -> Evaluator:
        return _object([(name, self.compile(value)) for name, value in expression.members])

    def total(self, expression: Aggregate) -> Evaluator:
        value = self._totals.get(expression, UNDEFINED)
        return lambda item: value


_BUILDERS: dict[type[Expression], Callable[[_Compiler, Any], Evaluator]] = {
    Literal: _Compiler.literal,
    Path: _Compiler.path,
    Not: _Compiler.negation,
    Connective: _Compiler.connective,
    Comparison: _Compiler.comparison,
    In: _Compiler.contained,
    Between: _Compiler.between,
    Call: _Compiler.call,
    ArrayOf: _Compiler.array,
    ObjectOf: _Compiler.object,
    Aggregate: _Compiler.total,
}


def aggregate(function: str, values: list[Any]) -> Any:
    """Return COUNT, SUM, AVG, MIN or MAX of `values`; undefined ones do not count."""
    defined = [value for value in values if value is not UNDEFINED]
    match function:
        case "COUNT":
            return len(defined)
        case "SUM" | "AVG" if not all(is_number(value) for value in defined):
            return UNDEFINED
        case "SUM":
            return sum(defined)
        case "AVG":
            return sum(defined) / len(defined) if defined else UNDEFINED
    scalars = [value for value in defined if is_scalar(value)]
    best: Any = scalars[0] if scalars else UNDEFINED
    for value in scalars:
        if compare(value, best) == (-1 if function == "MIN" else 1):
            best = value
    return best


def _property(item: Any, names: tuple[str | int, ...]) -> Any:
    for name in names:
        in_object = isinstance(item, dict) and name in item
        in_array = isinstance(item, list) and isinstance(name, int) and 0 <= name < len(item)
        if not in_object and not in_array:
            return UNDEFINED
        item = item[name]
    return item


def _not(operand: Evaluator) -> Evaluator:
    def negated(item: Any) -> Any:
        value = operand(item)
        return not value if isinstance(value, bool) else UNDEFINED

    return negated


def _connective(operands: list[Evaluator], *, decisive: bool) -> Evaluator:
    """AND, which one False decides, or OR, which one True does, whatever is undefined besides."""

    def connected(item: Any) -> Any:
        result: Any = not decisive
        for operand in operands:
            value = operand(item)
            if value is decisive:
                return decisive
            if not isinstance(value, bool):
                result = UNDEFINED
        return result

    return connected


def _comparison(operator: str, left: Evaluator, right: Evaluator) -> Evaluator:
    if operator in ("=", "!="):
        return _equality(left, right, wanted=operator == "=")
    wanted = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (1, 0)}[operator]

    def ordered(item: Any) -> Any:
        first, second = left(item), right(item)
        if not is_scalar(first) or rank(first) != rank(second):
            return UNDEFINED
        return compare(first, second) in wanted

    return ordered


def _equality(left: Evaluator, right: Evaluator, *, wanted: bool) -> Evaluator:
    def compared(item: Any) -> Any:
        first, second = left(item), right(item)
        if first is UNDEFINED or second is UNDEFINED:
            return UNDEFINED
        return equal(first, second) is wanted

    return compared


def _in(operand: Evaluator, choices: list[Evaluator]) -> Evaluator:
    def contained(item: Any) -> Any:
        value = operand(item)
        if value is UNDEFINED:
            return UNDEFINED
        return any(equal(value, choice(item)) for choice in choices)

    return contained


def _in_values(operand: Evaluator, values: list[Any]) -> Evaluator:
    """IN a list of constants, however long: their types keep `1` and `true` apart."""
    wanted = {(rank(value), value) for value in values}

    def contained(item: Any) -> Any:
        value = operand(item)
        if value is UNDEFINED:
            return UNDEFINED
        return is_scalar(value) and (rank(value), value) in wanted

    return contained


def _call(compute: Callable[..., Any], arguments: list[Evaluator]) -> Evaluator:
    return lambda item: compute(*(argument(item) for argument in arguments))


def _array(elements: list[Evaluator]) -> Evaluator:
    return lambda item: [value for value in (element(item) for element in elements) if value is not UNDEFINED]


def _object(members: list[tuple[str, Evaluator]]) -> Evaluator:
    def built(item: Any) -> dict[str, Any]:
        found = ((name, value(item)) for name, value in members)
        return {name: value for name, value in found if value is not UNDEFINED}

    return built

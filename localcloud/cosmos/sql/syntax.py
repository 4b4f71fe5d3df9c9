"""What a query is made of."""

from dataclasses import dataclass
from typing import Any


class Expression:
    """Something with a value for each item."""


@dataclass(frozen=True, slots=True)
class Literal(Expression):
    """A constant; parameters become one as they are parsed."""

    value: Any


@dataclass(frozen=True, slots=True)
class Path(Expression):
    """A property of the item, or the item itself when `names` is empty; integers index arrays."""

    root: str
    names: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """`NOT operand`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Connective(Expression):
    """`AND` or `OR` of two or more; flat, since generated queries join hundreds."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Comparison(Expression):
    """`=`, `!=`, `<`, `<=`, `>` or `>=`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class In(Expression):
    """`operand IN (choices)`."""

    operand: Expression
    choices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Between(Expression):
    """`operand BETWEEN low AND high`, both included."""

    operand: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """A built-in function of the item's values; `function` in capitals."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate(Expression):
    """`COUNT`, `SUM`, `MIN`, `MAX` or `AVG` of a value over all items; each occurrence is one of its own."""

    function: str
    argument: Expression


@dataclass(frozen=True, slots=True)
class ArrayOf(Expression):
    """`[…]`."""

    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectOf(Expression):
    """`{"name": …}`, and what a SELECT of several columns yields."""

    members: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One property of ORDER BY; `text` as written."""

    path: Path
    descending: bool
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A query as parsed. `columns` and `condition` are the texts of SELECT and WHERE, for rewriting."""

    root: str
    select: Expression
    is_value: bool
    columns: str
    where: Expression | None
    condition: str
    order: tuple[OrderItem, ...]
    top: int | None
    offset: int | None
    limit: int | None
    aggregates: tuple[Aggregate, ...]

    @property
    def is_plain(self) -> bool:
        """Whether partitions can be read one after the other: nothing to merge, count or skip across them."""
        return not self.order and not self.aggregates and self.top is None and self.limit is None

"""Parser of whole queries."""

from typing import Any

from localcloud.cosmos.errors import bad_request, not_implemented, syntax_error
from localcloud.cosmos.sql.expressions import KEYWORDS, ExpressionParser
from localcloud.cosmos.sql.syntax import Expression, ObjectOf, OrderItem, Path, Query

_DEFAULT_ROOT = "c"


def parse_query(text: str, parameters: dict[str, Any]) -> Query:
    """Parse `SELECT … FROM … WHERE … ORDER BY … OFFSET … LIMIT`; parameter names start with `@`.

    Raises: CosmosError 400 for what Azure would not read either, 501 for what only Azure reads.
    """
    try:
        return _QueryParser(text, parameters).query()
    except RecursionError as error:
        raise bad_request("The query is nested too deeply.") from error


class _QueryParser(ExpressionParser):
    def query(self) -> Query:
        self.need("SELECT")
        if self.next.upper == "DISTINCT":
            raise not_implemented("DISTINCT in queries")
        top = self._count() if self.take("TOP") else None
        start = self.next.start
        is_value, select = self._select()
        columns = self.text[start : self.last_end]
        root = self._from()
        where, condition = self._where()
        order = self._order_by()
        offset, limit = self._offset_limit()
        self._end(root, select)
        return Query(
            root=root,
            select=select or Path(root, ()),
            is_value=is_value,
            columns=columns,
            where=where,
            condition=condition,
            order=order,
            top=top,
            offset=offset,
            limit=limit,
            aggregates=tuple(self.aggregates),
        )

    def _select(self) -> tuple[bool, Expression | None]:
        if self.take("*"):
            return False, None
        if self.take("VALUE"):
            return True, self.expression()
        members = [self._column(1)]
        while self.take(","):
            members.append(self._column(len(members) + 1))
        return False, ObjectOf(tuple(members))

    def _column(self, position: int) -> tuple[str, Expression]:
        value = self.expression()
        if self.take("AS") or (self.next.kind == "word" and self.next.upper not in KEYWORDS):
            return self.name(), value
        if isinstance(value, Path):
            return str(value.names[-1] if value.names else value.root), value
        return f"${position}", value

    def _from(self) -> str:
        if not self.take("FROM"):
            return _DEFAULT_ROOT
        root = self.name()
        if self.next.text in (".", "[") or self.next.upper == "IN":
            raise not_implemented("FROM a path in queries")
        if self.take("AS") or (self.next.kind == "word" and self.next.upper not in KEYWORDS):
            root = self.name()
        if self.next.upper == "JOIN":
            raise not_implemented("JOIN in queries")
        return root

    def _where(self) -> tuple[Expression | None, str]:
        if not self.take("WHERE"):
            return None, ""
        start = self.next.start
        condition = self.expression()
        return condition, self.text[start : self.last_end]

    def _order_by(self) -> tuple[OrderItem, ...]:
        if self.next.upper == "GROUP":
            raise not_implemented("GROUP BY in queries")
        if not self.take("ORDER"):
            return ()
        self.need("BY")
        items = [self._order_item()]
        while self.take(","):
            items.append(self._order_item())
        return tuple(items)

    def _order_item(self) -> OrderItem:
        start = self.next.start
        path = self.expression()
        text = self.text[start : self.last_end]
        if not isinstance(path, Path) or not path.names:
            raise not_implemented("ORDER BY of anything but a property")
        descending = self.take("DESC")
        if not descending:
            self.take("ASC")
        return OrderItem(path, descending, text)

    def _offset_limit(self) -> tuple[int | None, int | None]:
        if not self.take("OFFSET"):
            return None, None
        offset = self._count()
        self.need("LIMIT")
        return offset, self._count()

    def _count(self) -> int:
        value = getattr(self._primary(), "value", None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise bad_request("TOP, OFFSET and LIMIT take a number of items.")
        return value

    def _end(self, root: str, select: Expression | None) -> None:
        if self.next.kind != "end":
            raise syntax_error(self.next.text)
        for other in sorted(self.roots - {root}):
            raise bad_request(f"Identifier '{other}' could not be resolved.")
        if self.aggregates and select is None:
            raise bad_request("Aggregates belong in SELECT.")

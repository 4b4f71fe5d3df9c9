"""Parser of expressions: recursive descent, one method for each level of precedence."""

from collections.abc import Callable
from typing import Any

from localcloud.cosmos.errors import bad_request, not_implemented, syntax_error
from localcloud.cosmos.sql.functions import FUNCTIONS
from localcloud.cosmos.sql.lexer import Token, number_value, string_value, tokenize
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
from localcloud.cosmos.values import UNDEFINED

AGGREGATES = {"COUNT", "SUM", "MIN", "MAX", "AVG"}
KEYWORDS = {
    *("SELECT", "DISTINCT", "TOP", "VALUE", "FROM", "JOIN", "AS", "WHERE", "GROUP", "ORDER", "BY", "ASC", "DESC"),
    *("OFFSET", "LIMIT", "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "ESCAPE", "EXISTS", "ARRAY", "ALL", "UDF"),
    *("TRUE", "FALSE", "NULL", "UNDEFINED"),
}
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None, "UNDEFINED": UNDEFINED}
_COMPARISONS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_UNSUPPORTED_OPERATORS = {"+", "-", "*", "/", "%", "||", "??", "?", "&", "|", "^", "~", "LIKE"}


class ExpressionParser:
    """Reads expressions from the tokens of one query; notes the aggregates and the roots of paths it meets."""

    def __init__(self, text: str, parameters: dict[str, Any]) -> None:
        self.text = text
        self.aggregates: list[Aggregate] = []
        self.roots: set[str] = set()
        self._parameters = parameters
        self._tokens = tokenize(text)
        self._position = 0

    @property
    def next(self) -> Token:
        """The token not yet taken."""
        return self._tokens[self._position]

    @property
    def last_end(self) -> int:
        """Where the text of the last token taken ends."""
        return self._tokens[self._position - 1].end

    def advance(self) -> Token:
        """Take a token."""
        token = self.next
        if token.kind != "end":
            self._position += 1
        return token

    def take(self, *words: str) -> bool:
        """Take the next tokens if they are `words`."""
        following = self._tokens[self._position : self._position + len(words)]
        if [token.upper for token in following] != list(words):
            return False
        self._position += len(words)
        return True

    def need(self, word: str) -> None:
        """Take `word`. Raises: CosmosError 400 when something else comes."""
        if not self.take(word):
            raise syntax_error(self.next.text)

    def name(self) -> str:
        """Take an identifier. Raises: CosmosError 400 for a keyword or anything else."""
        token = self.advance()
        if token.kind != "word" or token.upper in KEYWORDS:
            raise syntax_error(token.text)
        return token.text

    def expression(self) -> Expression:
        """Read one expression."""
        return self._connective("OR", lambda: self._connective("AND", self._negation))

    def _connective(self, operator: str, operand: Callable[[], Expression]) -> Expression:
        operands = [operand()]
        while self.take(operator):
            operands.append(operand())
        return Connective(operator, tuple(operands)) if len(operands) > 1 else operands[0]

    def _negation(self) -> Expression:
        if self.take("NOT"):
            return Not(self._negation())
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._operand()
        if self.take("NOT", "IN"):
            return Not(In(left, self._list("(", ")")))
        if self.take("NOT", "BETWEEN"):
            return Not(self._between(left))
        if self.next.upper == "IN":
            self.advance()
            return In(left, self._list("(", ")"))
        if self.take("BETWEEN"):
            return self._between(left)
        operator = _COMPARISONS.get(self.next.upper)
        if operator is None:
            return left
        self.advance()
        return Comparison(operator, left, self._operand())

    def _between(self, operand: Expression) -> Between:
        low = self._operand()
        self.need("AND")
        return Between(operand, low, self._operand())

    def _operand(self) -> Expression:
        operand = self._primary()
        if self.next.upper in _UNSUPPORTED_OPERATORS:
            raise not_implemented(f"the operator {self.next.upper} in queries")
        return operand

    def _primary(self) -> Expression:
        token = self.advance()
        if token.kind == "number":
            return Literal(number_value(token.text))
        if token.kind == "string":
            return Literal(string_value(token.text))
        if token.kind == "parameter":
            if token.text not in self._parameters:
                raise bad_request(f"The parameter {token.text} is not given.")
            return Literal(self._parameters[token.text])
        if token.kind == "word":
            return self._word(token)
        return self._symbol(token)

    def _symbol(self, token: Token) -> Expression:
        match token.text:
            case "-" if self.next.kind == "number":
                return Literal(-number_value(self.advance().text))
            case "(" if self.next.upper == "SELECT":
                raise not_implemented("subqueries")
            case "(":
                inner = self.expression()
                self.need(")")
                return inner
            case "[":
                self._position -= 1
                return ArrayOf(self._list("[", "]"))
            case "{":
                return self._object()
        raise syntax_error(token.text)

    def _word(self, token: Token) -> Expression:
        if token.upper in _CONSTANTS:
            return Literal(_CONSTANTS[token.upper])
        if token.upper in ("EXISTS", "ARRAY", "ALL") and self.next.text == "(":
            raise not_implemented(f"{token.upper} subqueries")
        if token.upper == "UDF":
            raise not_implemented("user-defined functions")
        if token.upper in KEYWORDS:
            raise syntax_error(token.text)
        if self.next.text == "(":
            return self._call(token.upper)
        self.roots.add(token.text)
        return Path(token.text, self._names())

    def _call(self, function: str) -> Expression:
        arguments = self._list("(", ")")
        if function in AGGREGATES:
            if len(arguments) != 1:
                raise bad_request(f"{function} takes one argument.")
            self.aggregates.append(Aggregate(function, arguments[0]))
            return self.aggregates[-1]
        if function not in FUNCTIONS:
            raise not_implemented(f"the function {function} in queries")
        if len(arguments) not in FUNCTIONS[function].arity:
            raise bad_request(f"{function} does not take {len(arguments)} arguments.")
        return Call(function, arguments)

    def _names(self) -> tuple[str | int, ...]:
        names: list[str | int] = []
        while True:
            if self.take("."):
                token = self.advance()
                if token.kind != "word":
                    raise syntax_error(token.text)
                names.append(token.text)
            elif self.take("["):
                index = self._primary()
                if not isinstance(index, Literal) or not isinstance(index.value, str | int):
                    raise not_implemented("computed property names in queries")
                names.append(index.value)
                self.need("]")
            else:
                return tuple(names)

    def _list(self, opening: str, closing: str) -> tuple[Expression, ...]:
        self.need(opening)
        found: list[Expression] = []
        if self.take(closing):
            return ()
        while True:
            found.append(self.expression())
            if self.take(closing):
                return tuple(found)
            self.need(",")

    def _object(self) -> ObjectOf:
        members: list[tuple[str, Expression]] = []
        while True:
            token = self.advance()
            if token.kind not in ("string", "word"):
                raise syntax_error(token.text)
            self.need(":")
            name = string_value(token.text) if token.kind == "string" else token.text
            members.append((name, self.expression()))
            if self.take("}"):
                return ObjectOf(tuple(members))
            self.need(",")

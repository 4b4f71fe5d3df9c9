"""Text of a query → tokens."""

import re
from dataclasses import dataclass

from localcloud.cosmos.errors import syntax_error

_TOKEN = re.compile(
    r"""\s+
    |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<parameter>@\w+)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<symbol><=|>=|!=|<>|\|\||\?\?|[-+*/%=<>().,\[\]{}:?&|^~])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `kind` is number, string, parameter, word, symbol or end, `text` as written."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """What keywords and symbols are compared by; empty for strings, so that `'and'` is no keyword."""
        return self.text.upper() if self.kind in ("word", "symbol") else ""


def tokenize(text: str) -> list[Token]:
    """Return the tokens of `text`, the last of kind end. Raises: CosmosError 400."""
    tokens, position = [], 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise syntax_error(text[position])
        if found.lastgroup:
            tokens.append(Token(found.lastgroup, found.group(), found.start(), found.end()))
        position = found.end()
    return [*tokens, Token("end", "", position, position)]


def string_value(literal: str) -> str:
    """Return what a quoted string stands for, escapes resolved."""
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _ESCAPED.get(m[2], m[2]), literal[1:-1])


def number_value(literal: str) -> int | float:
    """Return the number a literal stands for."""
    return int(literal) if literal.isdigit() else float(literal)

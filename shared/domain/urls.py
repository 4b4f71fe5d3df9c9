"""URLs that somebody else chose: one reading of them, strict enough that no two programs can disagree on it.

A URL is read once, here, and connected to as it was read. What other programs read in more than one way (backslashes,
spaces, control characters, credentials, IPv4 addresses as one number, in octal or in hexadecimal) is refused rather
than understood. Of the ports 80, 443 and those from 1024 on are allowed: web servers stand there, while mail and the
like listen below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

import idna

from shared.domain.addresses import IPAddress
from shared.domain.errors import InvalidInput

CODE = "url_not_allowed"
MAX_LENGTH = 4096
"""Characters: signed URLs run to some 2,000."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_FIRST_FREE_PORT = 1024
_LAST_PORT = 65535
_MAX_NAME = 253

_SHAPE = re.compile(r"(?i:(https?))://([^/?#]+)([^#]*)(?:#.*)?", re.ASCII)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@%]+)(?::([0-9]{1,5}))?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\\\ud800-\udfff]|\s")
_KEPT = "%/:?[]@!$&'()*+,;=~"
"""Characters of path and query that are sent as they are, beside letters, digits and `-._`."""


@dataclass(frozen=True)
class Url:
    """A URL as it was read. Path and query may be a signature: they are never printed."""

    scheme: str
    host: str
    """A name in lower-case ASCII without a dot at its end, or an address without brackets."""
    port: int
    target: str = field(repr=False)
    """Path and query, ASCII."""
    address: IPAddress | None
    """What `host` says when it is no name to look up."""

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        """All of it, in this spelling."""
        return f"{self.scheme}://{self.authority}{self.target}"


def read_url(text: str) -> Url:
    """The URL, if it is one that may be asked as far as its spelling says.

    Raises: InvalidInput (`url_not_allowed`). The message quotes nothing of it.
    """
    _check_characters(text)
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise _refused("the URL must begin with https:// or http:// and a host")
    scheme, authority, target = shape[1].lower(), shape[2], shape[3]
    if "@" in authority:
        raise _refused("the URL must not hold credentials")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise _refused("the URL's host or port is not written as it must be")
    host, address = _host(parts[1])
    target = target if target.startswith("/") else f"/{target}"
    return Url(scheme, host, _port(scheme, parts[2]), quote(target, safe=_KEPT), address)


def follow(url: Url, location: str) -> Url:
    """Where a redirect leads. Raises: InvalidInput, also when it would give up TLS."""
    _check_characters(location)
    try:
        joined = urljoin(url.text, location)
    except ValueError:
        raise _refused("the redirect leads nowhere") from None
    to = read_url(joined)
    if url.scheme == "https" and to.scheme != "https":
        raise _refused("a redirect from https to http is not followed")
    return to


def _check_characters(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise _refused(f"the URL is longer than {MAX_LENGTH} characters")
    if _CONTROL.search(text):
        raise _refused("the URL must not hold spaces, control characters or backslashes")


def _port(scheme: str, given: str | None) -> int:
    if given is None:
        return _DEFAULT_PORTS[scheme]
    port = int(given)
    if port not in _DEFAULT_PORTS.values() and not _FIRST_FREE_PORT <= port <= _LAST_PORT:
        raise _refused(f"port {port} is not allowed: 80, 443 and those from {_FIRST_FREE_PORT} on are")
    return port


def _host(text: str) -> tuple[str, IPAddress | None]:
    if text.startswith("["):
        try:
            six = IPv6Address(text[1:-1])
        except ValueError:
            raise _refused("the URL's host is not an IPv6 address") from None
        return str(six), six
    name = _ascii(text).removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # what ends in a number is read as an address (WHATWG URL, §3.5)
        try:
            four = IPv4Address(name)
        except ValueError:
            raise _refused("an IPv4 address must be four decimal numbers") from None
        return str(four), four
    if len(name) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("the URL's host is not a name")
    if labels[-1] == "localhost":  # never looked up (RFC 6761, §6.3)
        return name, IPv4Address("127.0.0.1")
    if len(labels) == 1:
        raise _refused("the URL's host must be a full domain name")
    return name, None


def _ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise _refused("the URL's host is not a name") from None


def _refused(why: str) -> InvalidInput:
    return InvalidInput(why, code=CODE)

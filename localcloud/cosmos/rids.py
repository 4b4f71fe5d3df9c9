"""Resource ids: Base64 of 4 bytes for a database, 8 for a container in it, 16 for an item in that."""

import base64
import secrets


def database_rid() -> str:
    """Return a new id for a database."""
    return _text(secrets.token_bytes(4))


def container_rid(database: str) -> str:
    """Return a new id for a container of `database`."""
    number = bytes([secrets.randbits(7) | 0x80]) + secrets.token_bytes(3)  # the first bit tells it from a user's
    return _text(_bytes(database) + number)


def item_rid(container: str, born: int) -> str:
    """Return the id of the item that was the container's change number `born` when created."""
    return _text(_bytes(container) + born.to_bytes(8, "little"))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw, altchars=b"+-").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, altchars=b"+-")

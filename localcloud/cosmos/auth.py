"""Master-key authentication, as in "Access control in the Azure Cosmos DB SQL API" of the REST reference."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import unquote

from localcloud.cosmos.errors import CosmosError

# Public and the same everywhere: the documented key of Microsoft's own emulator.
EMULATOR_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


class MasterKey:
    """The account's key; checks signatures made with it."""

    def __init__(self, text: str) -> None:
        """Take the key in Base64. Raises: ValueError when it is none."""
        try:
            self._secret = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError("the key is not Base64") from error

    def verify(self, method: str, segments: list[str], headers: Mapping[str, str]) -> None:
        """Check the signature of a request. Raises: CosmosError 401 when it was not made with this key."""
        resource_type, link = _signed_resource(segments)
        date = headers.get("x-ms-date", "").lower()
        http_date = headers.get("date", "").lower() if not date else ""
        text = f"{method.lower()}\n{resource_type}\n{link}\n{date}\n{http_date}\n"
        signature = base64.b64encode(hmac.digest(self._secret, text.encode(), hashlib.sha256)).decode()
        given = unquote(headers.get("authorization", ""))
        if not hmac.compare_digest(given.encode(), f"type=master&ver=1.0&sig={signature}".encode()):
            raise CosmosError(
                HTTPStatus.UNAUTHORIZED,
                "The input authorization token can't serve the request. Please check that the expected payload is "
                "built as per the protocol, and check the key being used.",
            )


def _signed_resource(segments: list[str]) -> tuple[str, str]:
    """Return (type, link): an even path ends in the resource's id, an odd one in the type of a feed."""
    if len(segments) % 2:
        return segments[-1], "/".join(segments[:-1])
    return (segments[-2] if segments else ""), "/".join(segments)

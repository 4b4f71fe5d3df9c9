"""Refusals of the emulator: status, code and sub-status as Azure gives them."""

from http import HTTPStatus

_CODES = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.PRECONDITION_FAILED: "PreconditionFailed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "RequestEntityTooLarge",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequests",
    449: "RetryWith",
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalServerError",
    HTTPStatus.NOT_IMPLEMENTED: "NotImplemented",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}
PARTITION_KEY_MISMATCH = 1001
CROSS_PARTITION_NEEDS_PLAN = 1004
CONTAINER_RECREATED = 1024
PATCH_CONDITION_FAILED = 1110
THROTTLED = 3200


class CosmosError(Exception):
    """A request refused. `headers` and `extra` (members of the body) go out with the answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        substatus: int = 0,
        headers: dict[str, str] | None = None,
        extra: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = int(status)
        self.message = message
        self.substatus = substatus
        self.headers = headers or {}
        self.extra = extra or {}

    @property
    def code(self) -> str:
        """Azure's word for the status, the `code` of the body."""
        return _CODES.get(self.status, "BadRequest")


def bad_request(message: str, substatus: int = 0) -> CosmosError:
    """The request cannot be served as it is (400)."""
    return CosmosError(HTTPStatus.BAD_REQUEST, message, substatus=substatus)


def syntax_error(near: str) -> CosmosError:
    """A query that cannot be read (400)."""
    return bad_request(f"Syntax error, incorrect syntax near '{near}'.")


def not_found() -> CosmosError:
    """No such database, container or item (404)."""
    return CosmosError(HTTPStatus.NOT_FOUND, "Resource Not Found. Entity with the specified id does not exist.")


def conflict(what: str) -> CosmosError:
    """A `what` of that id exists (409)."""
    return CosmosError(HTTPStatus.CONFLICT, f"{what} with the specified id or name already exists.")


def precondition_failed(message: str = "", substatus: int = 0) -> CosmosError:
    """If-Match or the predicate of a patch does not hold (412)."""
    message = message or "Operation cannot be performed because one of the specified precondition is not met."
    return CosmosError(HTTPStatus.PRECONDITION_FAILED, message, substatus=substatus)


def too_large(limit: int) -> CosmosError:
    """An item or a batch over `limit` bytes (413)."""
    return CosmosError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Request size is too large: the limit is {limit} bytes.")


def not_implemented(what: str) -> CosmosError:
    """Something Azure does and this emulator does not (501); `what` names it."""
    return CosmosError(HTTPStatus.NOT_IMPLEMENTED, f"This emulator does not support {what}.")

"""The webhook Event Grid delivers blob events to: `/runtime/webhooks/blobs?functionName=Host.Functions.<name>`."""

from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcloud.host.blobs import BlobTriggers


async def blob_webhook(request: Request, triggers: BlobTriggers) -> Response:
    """Answer the handshake, or queue each event: 200 with the code, 202, or 400 for what is neither. Raises AzureError.

    As on the real host an event has no receipt and no ETag check: one delivered twice runs twice.
    """
    kind = request.headers.get("aeg-event-type", "").lower()
    function_id = request.query_params.get("functionName", "")
    if kind not in {"subscriptionvalidation", "notification"} or not triggers.knows(function_id):
        return Response(status_code=400)
    try:
        body = await request.json()
        events = [event["data"] for event in (body if isinstance(body, list) else [body])]
        if kind == "subscriptionvalidation":
            return JSONResponse({"validationResponse": events[0]["validationCode"]})
        written = [(*_container_and_blob(data["url"]), data.get("eTag"), data.get("blobType")) for data in events]
    except (ValueError, LookupError, TypeError):
        return Response(status_code=400)
    for container, blob, etag, blob_type in written:
        await triggers.enqueue(function_id, container, blob, etag=f'"{etag}"', blob_type=blob_type or "BlockBlob")
    return Response(status_code=202)


def _container_and_blob(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    if not (parts.hostname or "").endswith(".blob.core.windows.net"):
        path = path.partition("/")[2]  # an emulator's address starts with the account
    container, _, blob = path.partition("/")
    return container, blob

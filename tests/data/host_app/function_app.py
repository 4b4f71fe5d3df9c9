"""Functions that show a test what a host does to them."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator

import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, PlainTextResponse, Request, Response, StreamingResponse
from events import bp
from witness import tell

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(bp)


@app.route("upload", methods=["POST"])
async def upload(req: Request) -> Response:
    """Read a body as it comes and keep none of it."""
    size, digest = 0, hashlib.sha256()
    async for chunk in req.stream():
        size += len(chunk)
        digest.update(chunk)
    return JSONResponse({"bytes": size, "sha256": digest.hexdigest()})


@app.route("upload/first", methods=["POST"])
async def upload_first(req: Request) -> Response:
    """Tell of the first piece before the rest has been sent."""
    pieces = (piece async for piece in req.stream() if piece)
    first = await anext(pieces)
    await tell("upload_first", first=first.decode())
    return PlainTextResponse(first + b"".join([piece async for piece in pieces]))


@app.route("upload/cut", methods=["POST"])
async def upload_cut(req: Request) -> Response:
    """Tell that the first piece is here, then how reading ended."""
    pieces = (piece async for piece in req.stream() if piece)
    await anext(pieces)
    await tell("upload_cut", ended=None)
    try:
        async for _ in pieces:
            pass
    except Exception as error:
        await tell("upload_cut", ended=type(error).__name__)
        raise
    await tell("upload_cut", ended="whole")
    return Response()


@app.route("trickle", methods=["GET"])
async def trickle(req: Request) -> StreamingResponse:
    """Answer in two pieces, the second when the test says so."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first\n"
        await tell("trickle")
        yield b"last\n"

    return StreamingResponse(pieces(), media_type="text/plain", headers={"x-own": "kept"})


@app.route("endless", methods=["GET"])
async def endless(req: Request) -> StreamingResponse:
    """Answer until the client leaves, and tell when it has."""

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"again\n"
                await asyncio.sleep(0.01)
        finally:
            asyncio.get_running_loop().create_task(tell("endless"))

    return StreamingResponse(pieces())


@app.route("items/{id:long}", methods=["GET"])
async def item_by_number(req: Request) -> Response:
    return JSONResponse({"function": "item_by_number", **req.path_params, "query": dict(req.query_params)})


@app.route("items/{name:regex(^[a-z]+$)}", methods=["GET", "DELETE"])
async def item_by_word(req: Request) -> Response:
    return JSONResponse({"function": "item_by_word", **req.path_params})


@app.route("order/{anything}", methods=["GET"])
async def order_a(req: Request) -> Response:
    return PlainTextResponse("a")


@app.route("order/exact", methods=["GET", "POST"])
async def order_b(req: Request) -> Response:
    return PlainTextResponse("b")


@app.route("whoami", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def whoami(req: Request, context: func.Context) -> Response:
    """Run in a thread, and know the invocation."""
    return JSONResponse(
        {
            "function": context.function_name,
            "invocation": context.invocation_id,
            "header": req.headers["x-ms-invocation-id"],
            "in_thread": threading.current_thread() is not threading.main_thread(),
        }
    )


@app.route("boom", methods=["GET"])
async def boom(req: Request) -> Response:
    raise ValueError("boom for session s-1")


@app.route("forever", methods=["GET"])
async def forever(req: Request) -> Response:
    await asyncio.Event().wait()
    return Response()


@app.route("master", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
async def master_only(req: Request) -> Response:
    return PlainTextResponse("master")


@app.route("switched_off", methods=["GET"])
async def switched_off(req: Request) -> Response:
    return PlainTextResponse("on")

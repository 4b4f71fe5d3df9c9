"""How the functions of this app talk to the test that watches them: each tells what it sees and does what it is told."""

import asyncio
import json
import os
from typing import Any


class ToldToFail(Exception):
    """The test asked for it."""


async def tell(function: str, **facts: Any) -> str:
    """Send what the function sees, return the test's answer; raise if that is `fail`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ["WITNESS_PORT"]))
    try:
        writer.write(json.dumps({"function": function, **facts}).encode() + b"\n")
        answer = (await reader.readline()).decode().strip()
    finally:
        writer.close()
    if answer == "fail":
        raise ToldToFail(function)
    return answer


def tell_from_thread(function: str, **facts: Any) -> str:
    """Do the same from a synchronous function."""
    return asyncio.run(tell(function, **facts))

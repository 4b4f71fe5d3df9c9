"""HTTP servers on loopback that answer byte for byte what a test has written, and one that nobody must reach."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

PUBLIC = "127.0.0.5"
"""Stands for an address of the public internet: tests name it to the guard, and nothing else."""
Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What came: header names in lower case."""

    line: str
    headers: Mapping[str, str]
    body: bytes


def reply(status: str = "200 OK", body: bytes = b"", **headers: str) -> bytes:
    """A whole answer; `content_type` becomes Content-Type. Without a length of its own it gets the right one."""
    fields = {"content_length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body


class Site:
    """Answers by path; what it does not know is a 404."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, bytes | Respond] = {}
        self.requests: list[Request] = []
        self.names: list[str | None] = []
        """The names that TLS clients asked for."""
        self.port = 0
        self._tls = tls
        if tls is not None:
            tls.sni_callback = lambda _, name, __: self.names.append(name)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Site]:
        """Listen on the address that stands for a public one while the block runs."""
        server = await asyncio.start_server(self._serve, PUBLIC, 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *fields = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.requests.append(Request(line, headers, body))
            page = self.pages.get(line.split(" ")[1].partition("?")[0], reply("404 Not Found"))
            if isinstance(page, bytes):
                writer.write(page)
                await writer.drain()
            else:
                await page(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has seen enough
        finally:
            writer.close()


class Secret:
    """A server on every loopback and local address of the machine, IPv4 and IPv6, that only counts who comes."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Secret]:
        """Listen while the block runs."""
        everywhere = (
            socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
            if socket.has_dualstack_ipv6()
            else socket.create_server(("", 0))
        )
        server = await asyncio.start_server(self._count, sock=everywhere)
        self.port = everywhere.getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _count(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(reply(body=b"the keys of the kingdom"))
        writer.close()

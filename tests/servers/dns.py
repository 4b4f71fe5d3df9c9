"""A DNS server on loopback that says what a test wants it to say, over UDP and TCP."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

LOOPBACK = "127.0.0.1"
Chain = Sequence[tuple[str, str, Sequence[str]]]
"""Record sets of one answer: owner, type, values."""
SILENCE = "silence"
SERVFAIL = "servfail"
Answer = Chain | str


class DnsServer:
    """Answers by name and type; a list of answers is given one at a time, its last one for ever.

    What nobody has said anything about does not exist.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.over_tcp = 0
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        self.port = 0

    @property
    def address(self) -> str:
        """As settings name it."""
        return f"{LOOPBACK}:{self.port}"

    def say(self, name: str, kind: str, *answers: Sequence[str] | str) -> None:
        """Each answer is the addresses of the name itself, SILENCE or SERVFAIL."""
        self._answers[name, kind] = [
            answer if isinstance(answer, str) else [(name, kind, answer)] for answer in answers
        ]

    def say_chain(self, name: str, kind: str, chain: Chain) -> None:
        """An answer of several record sets: aliases and where they lead."""
        self._answers[name, kind] = [chain]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[DnsServer]:
        """Listen while the block runs: UDP and TCP on the same port."""
        tcp = await asyncio.start_server(self._stream, LOOPBACK, 0)
        self.port = tcp.sockets[0].getsockname()[1]
        udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(LOOPBACK, self.port)
        )
        try:
            yield self
        finally:
            udp.close()
            tcp.close()
            await tcp.wait_closed()

    def answer(self, wire: bytes) -> dns.message.Message | None:
        """The answer to a query, or None for silence."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        response = dns.message.make_response(query, recursion_available=True)
        said = self._next(name, kind)
        if said == SILENCE:
            return None
        if isinstance(said, str):
            response.set_rcode(dns.rcode.SERVFAIL)
        elif said is None:
            response.set_rcode(dns.rcode.NOERROR if self._exists(name) else dns.rcode.NXDOMAIN)
        else:
            for owner, of_kind, values in said:
                response.answer.append(dns.rrset.from_text(f"{owner}.", 0, "IN", of_kind, *values))
        return response

    def _next(self, name: str, kind: str) -> Answer | None:
        answers = self._answers.get((name, kind))
        if not answers:
            return None
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _exists(self, name: str) -> bool:
        return any(known == name for known, _ in self._answers)

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.over_tcp += 1
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        response = self.answer(await reader.readexactly(length))
        if response is not None:
            wire = response.to_wire(max_size=65535)
            writer.write(struct.pack("!H", len(wire)) + wire)
            await writer.drain()
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._server.answer(data)
        if response is None:
            return
        wire = response.to_wire(max_size=65535)
        if len(wire) > 512:  # what a resolver takes that has not said otherwise (RFC 1035, §4.2.1)
            response.answer.clear()
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        self._transport.sendto(wire, addr)

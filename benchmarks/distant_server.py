"""A registry far away: answers every HEAD and GET as one does, 40 ms after it was asked.

`main` is for a process of its own: it prints its port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys

ROUND_TRIP = 0.040
_ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Length: 500\r\n"
    b"Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"
    b"Docker-Content-Digest: sha256:" + b"0" * 64 + b"\r\n"
    b"Docker-Distribution-Api-Version: registry/2.0\r\n"
    b'Etag: "sha256:' + b"0" * 64 + b'"\r\n'
    b"X-Content-Type-Options: nosniff\r\n"
    b"Date: Tue, 03 Nov 2026 09:30:00 GMT\r\n\r\n"
)
_BODY = b" " * 500


class _Registry(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            asked, _, self._received = self._received.partition(b"\r\n\r\n")
            answer = _ANSWER if asked.startswith(b"HEAD") else _ANSWER + _BODY
            self._loop.call_later(ROUND_TRIP, self._write, answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Registry, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    asyncio.run(_serve())

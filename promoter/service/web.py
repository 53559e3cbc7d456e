"""What the service shows to the network: webhooks in, health and metrics out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from promoter.service.webhooks.receiver import Answer, Webhooks
from promoter.service.webhooks.request import Headers

T = TypeVar("T")

_MIB = 1 << 20
_JSON = re.compile(r"(?:application|text)/(?:json|[a-z0-9.-]+\+json)|text/plain")
_RETRY_SOON = 1


class Health(Protocol):
    """Each gives whether it is so, and a text that is shown."""

    def alive(self) -> tuple[bool, str]:
        """Whether the process is to go on; else whoever watches it starts it anew."""

    def ready(self) -> tuple[bool, str]:
        """Whether it does its work, so that requests may be sent to it."""


@dataclass(frozen=True)
class Room:
    """Bounds of what requests may take: bytes of one body and of all that are held at a time,
    seconds for one body, requests under way at a time."""

    body: int = _MIB
    bodies: int = 8 * _MIB
    seconds: float = 10.0
    requests: int = 64


def make_web(
    webhooks: Webhooks | None,
    health: Health,
    metrics: Callable[[str], tuple[bytes, str]],
    room: Room | None = None,
) -> Starlette:
    """The application. Without `webhooks` it has none: they may have a port of their own, so that
    whoever fills that can't keep probes from theirs. `metrics` gives a body and its media type, by
    the `Accept` of who asks.

    What is called may wait: nothing of it runs in the event loop.
    """

    # No coroutines: Starlette runs them in a thread.
    def show_alive(_request: Request) -> Response:
        return _show(*health.alive())

    def show_ready(_request: Request) -> Response:
        return _show(*health.ready())

    def show_metrics(request: Request) -> Response:
        body, media_type = metrics(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": media_type})

    routes = [
        Route("/healthz", show_alive),
        Route("/readyz", show_ready),
        Route("/metrics", show_metrics),
    ]
    if webhooks is not None:
        take = _Taker(webhooks, room or Room()).take
        routes += [
            Route("/webhooks/{source}", take, methods=["POST"]),
            Route("/webhooks/{source}/{secret}", take, methods=["POST"]),
        ]
    web = Starlette(routes=routes)
    web.router.redirect_slashes = False  # the answer would repeat a secret URL
    return web


class _Bodies:
    """The requests under way, and what is held of their bodies.

    Where there is no room for one more, the one goes that has been sending its body for longest
    without having proved itself: who fills us with slow ones must not silence the sources.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._requests = 0
        self._held = 0
        self._strangers: dict[asyncio.Timeout, asyncio.Event] = {}

    async def begin(self) -> bool:
        """Whether there is room for one more request, which is to `end`."""
        if self._requests >= self._room.requests and not await self._send_one_away():
            return False
        self._requests += 1
        return True

    def end(self, chunks: list[bytes]) -> None:
        self._requests -= 1
        self._forget(chunks)

    async def read(self, request: Request, chunks: list[bytes], proved: bool) -> Answer | None:
        """Read the body into `chunks`; gives what is wrong with it."""
        ended = asyncio.Event()
        wrong: Answer | None
        try:
            async with asyncio.timeout(self._room.seconds) as timeout:
                if not proved:
                    self._strangers[timeout] = ended
                wrong = await self._read(request, chunks)
        except TimeoutError:
            wrong = Answer(408, "slow", "the body took too long")
        except ClientDisconnect:
            wrong = Answer(400, "gone", "the sender went away")
        finally:
            self._strangers.pop(timeout, None)
            ended.set()
        if wrong is not None:
            self._forget(chunks)
        return wrong

    async def _read(self, request: Request, chunks: list[bytes]) -> Answer | None:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > self._room.body:
                return _too_large(self._room)
            while self._held + len(chunk) > self._room.bodies:
                if not await self._send_one_away():
                    return _OVERLOADED
            self._held += len(chunk)
            chunks.append(chunk)
        return None

    async def _send_one_away(self) -> bool:
        if not self._strangers:
            return False
        timeout = next(iter(self._strangers))
        ended = self._strangers.pop(timeout)
        if not timeout.expired():
            timeout.reschedule(0)
        await ended.wait()
        return True

    def _forget(self, chunks: list[bytes]) -> None:
        self._held -= sum(map(len, chunks))
        chunks.clear()


class _Taker:
    def __init__(self, webhooks: Webhooks, room: Room) -> None:
        self._webhooks = webhooks
        self._room = room
        self._bodies = _Bodies(room)
        # One thread: files, signatures and JSON of one request at a time, and no memory for more.
        self._worker = ThreadPoolExecutor(1, "webhooks")

    async def take(self, request: Request) -> Response:
        name = request.path_params["source"]
        if not await self._bodies.begin():
            return _respond(self._webhooks.refuse(name, _OVERLOADED))
        chunks: list[bytes] = []
        try:
            return _respond(await self._answer(name, request, chunks))
        except asyncio.CancelledError:
            # The server ends; it would take this for a mistake, and log a traceback.
            return _respond(_ENDING)
        finally:
            self._bodies.end(chunks)

    async def _answer(self, name: str, request: Request, chunks: list[bytes]) -> Answer:
        in_url = request.path_params.get("secret")
        headers = request.headers
        admission = await self._run(lambda: self._webhooks.admit(name, headers, in_url))
        if isinstance(admission, Answer):
            return admission
        refusal = _wrong_head(headers, self._room)
        if refusal is None:
            refusal = await self._bodies.read(request, chunks, admission.proved)
        if refusal is not None:
            return self._webhooks.refuse(name, refusal)
        return await self._run(lambda: self._webhooks.take(admission, b"".join(chunks)))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


_ENDING = Answer(503, "ending", "the service ends", _RETRY_SOON)
_OVERLOADED = Answer(503, "overloaded", "too many requests at a time", _RETRY_SOON)


def _wrong_head(headers: Headers, room: Room) -> Answer | None:
    media_type = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if not _JSON.fullmatch(media_type):
        return Answer(415, "wrong-type", "send application/json")
    if headers.get("content-encoding", "identity").lower() != "identity":
        return Answer(415, "wrong-type", "send it without Content-Encoding")
    if int(headers.get("content-length", "0")) > room.body:  # a number: the server looked at it
        return _too_large(room)
    return None


def _too_large(room: Room) -> Answer:
    return Answer(413, "too-large", f"the body is larger than {room.body} bytes")


def _show(good: bool, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", 200 if good else 503)


def _respond(answer: Answer) -> Response:
    response = PlainTextResponse(f"{answer.text}\n", answer.status)
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(answer.retry_after)
    if answer.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, section 11.6.1: one is a must
    return response

"""The web application behind its real server: statuses, health, metrics, and the clean end."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from promoter.errors import InputError
from promoter.service.server import Patience, WebServer
from promoter.service.web import Room, make_web
from promoter.service.webhooks.bucket import Pace
from promoter.service.webhooks.nudge import Nudge
from promoter.service.webhooks.sources import SOURCES
from tests.service.running import Doctor, RunningWeb, running_web
from tests.service.webhooks.examples import EXAMPLES, SECRET

BEARER = {"Authorization": f"Bearer {SECRET}"}


def test_an_event_of_each_source_is_looked_at_and_its_trace_goes_on(tmp_path: Path) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with running_web(tmp_path) as web:
        for source in SOURCES:
            answer = web.send_example(source, {"traceparent": trace})
            assert (answer.status, answer.data) == (202, b"looking now\n")
    assert web.nudges == [nudge for source in SOURCES for nudge in EXAMPLES[source].nudges]
    assert web.traces == [trace] * len(SOURCES)


def test_every_status_and_that_it_says_why(tmp_path: Path) -> None:
    tight = Pace(per_second=0.01, burst=9)
    with running_web(tmp_path, known=tight, room=Room(body=1000)) as web:
        (tmp_path / "acr").write_text("short")
        too_much = iter([b"x" * 600] * 2)
        cases: list[tuple[str, bytes | Iterator[bytes], dict[str, str], int, str]] = [
            ("harbor", b'{"type": "PULL_ARTIFACT"}', BEARER, 200, "nothing to look at"),
            ("harbor", b"{", BEARER, 400, "the body is not JSON in UTF-8"),
            ("harbor", b"{}", BEARER, 400, "type is missing"),
            ("harbor", b"{}", {}, 401, "the secret or signature is missing or wrong"),
            ("harbor/" + SECRET, b"{}", {}, 401, "the secret or signature is missing or wrong"),
            ("no-such", b"{}", BEARER, 404, "no such source here"),
            ("harbor/a/b", b"{}", BEARER, 404, "Not Found"),
            ("harbor", b"x" * 1001, BEARER, 413, "the body is larger than 1000 bytes"),
            ("harbor", too_much, BEARER, 413, "the body is larger than 1000 bytes"),
            ("harbor", b"x" * 1001, {}, 401, "the secret or signature is missing or wrong"),
            ("harbor", b"<a/>", {**BEARER, "Content-Type": "text/xml"}, 415, "send application/"),
            ("harbor", b"{}", {**BEARER, "Content-Encoding": "gzip"}, 415, "send it without Cont"),
            ("acr", b"{}", BEARER, 503, "the secret of this source can't be used; see the log"),
        ]
        for path, body, headers, status, text in cases:
            answer = web.send(f"/webhooks/{path.replace(' ', '%20')}", body, headers)
            assert (answer.status, answer.data.decode()[: len(text)]) == (status, text)
        assert web.send("/webhooks/harbor", method="GET").status == 405
        assert web.send("/healthz", method="POST").status == 405
        assert web.send("/nothing", method="GET").status == 404
        while (answer := web.send("/webhooks/harbor", b"{}", BEARER)).status != 429:
            pass
        assert answer.headers["Retry-After"] == "100"
    assert web.nudges == []


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json; charset=utf-8",
        "application/vnd.docker.distribution.events.v2+json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "text/plain; charset=UTF-8",
        "TEXT/JSON",
    ],
)
def test_media_types_as_products_have_them(tmp_path: Path, media_type: str) -> None:
    with running_web(tmp_path) as web:
        assert web.send_example("acr", {"Content-Type": media_type}).status == 202


def test_a_secret_url_is_not_repeated_by_a_redirect(tmp_path: Path) -> None:
    with running_web(tmp_path) as web:
        answer = web.send(f"/webhooks/quay/{SECRET.replace(' ', '%20')}/", b"{}")
    assert answer.status == 404
    assert "Location" not in answer.headers


def test_health_and_metrics(tmp_path: Path) -> None:
    with running_web(tmp_path) as web:
        for path, attribute in (("/healthz", "is_alive"), ("/readyz", "is_ready")):
            assert web.send(path, method="GET").status == 200
            setattr(web.health, attribute, False)
            answer = web.send(path, method="GET")
            assert answer.status == 503
            assert answer.data in (b"no look for 20 minutes\n", b"no rules yet\n")
        answer = web.send("/metrics", method="GET")
        assert (answer.status, answer.data) == (200, b"promoter_up 1\n")
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "server" not in answer.headers


def test_webhooks_may_have_a_port_of_their_own() -> None:
    server = WebServer(make_web(None, Doctor(), lambda _: (b"", "text/plain")), "localhost", 0)
    port = server.start()
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"POST /webhooks/harbor HTTP/1.0\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 404")
    assert server.stop(10)


@contextmanager
def busy(web: RunningWeb) -> Iterator[list[int]]:
    """A webhook that waits for a scheduler until the end; then the list has its status."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(nudges: Sequence[Nudge], trace: str | None) -> None:
        begun.set()
        go_on.wait(20)

    web.take = wait  # type: ignore[method-assign]  # a scheduler that is busy
    answers: list[int] = []
    first = threading.Thread(target=lambda: answers.append(web.send_example("acr").status))
    first.start()
    assert begun.wait(20)
    yield answers
    go_on.set()
    first.join(20)


def test_what_a_look_waits_for_holds_up_no_probe(tmp_path: Path) -> None:
    """And of those who wait behind it, no more than there is room for."""
    with running_web(tmp_path, room=Room(requests=1)) as web:
        with busy(web) as answers:
            assert web.send("/healthz", method="GET").status == 200
            second = web.send_example("acr")
            assert (second.status, second.headers["Retry-After"]) == (503, "1")
        assert answers == [202]
        assert web.counted == [("acr", "overloaded"), ("acr", "looked")]


@pytest.mark.parametrize("room", [Room(requests=2), Room(body=900, bodies=1700)])
def test_slow_strangers_dont_keep_a_source_out(tmp_path: Path, room: Room) -> None:
    """They say that they have a signature, which only the whole body can tell. The one that has
    been at it for longest goes."""
    with running_web(tmp_path, room=room) as web, ExitStack() as stack:
        slow = [stack.enter_context(web.connect()) for _ in range(2)]
        for each in slow:
            each.sendall(
                b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=00\r\n"
                b"Content-Length: 900\r\n\r\n" + b"x" * 800
            )
        # In order, so that both are at it before the third one comes.
        assert web.send("/healthz", method="GET").status == 200
        while not any(result == "slow" for _, result in web.counted):
            assert web.send_example("github").status == 202
        assert slow[0].recv(1000).startswith(b"HTTP/1.1 408")


def test_who_goes_away_in_the_middle_is_counted(tmp_path: Path) -> None:
    with running_web(tmp_path) as web:
        with web.connect() as connection:
            connection.sendall(
                b"POST /webhooks/harbor HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                b"Authorization: Bearer " + SECRET.encode() + b"\r\n\r\n{"
            )
        while not web.counted:
            assert web.send("/healthz", method="GET").status == 200
    assert web.counted == [("harbor", "gone")]


def ask_for_health(connection: socket.socket) -> None:
    """And keep the connection."""
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    told = b""
    while not told.endswith(b"alive\n"):  # the head and the text come apart
        piece = connection.recv(1000)
        assert piece, told
        told += piece


class TestServer:
    def test_an_address_that_is_taken_is_one_line(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with pytest.raises(InputError) as caught:
                WebServer(None, "127.0.0.1", port).start()
        assert str(caught.value) == (
            f"can't listen on 127.0.0.1:{port}: Address already in use; choose another address"
        )

    @pytest.mark.parametrize(
        ("host", "port", "why"),
        [
            ("192.0.2.1", 0, "Cannot assign"),
            ("127.0.0.1", 65536, "there is no such port"),
            ("no host", 0, ""),
        ],
    )
    def test_so_is_one_that_cant_be_had(self, host: str, port: int, why: str) -> None:
        with pytest.raises(InputError, match=f"can't listen on {host}:{port}: {why}"):
            WebServer(None, host, port).start()

    def test_it_ends_in_time_though_somebody_holds_on(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with running_web(tmp_path, stop_within=2.0) as web:
            idle, half = web.connect(), web.connect()
            half.sendall(b"POST /webhooks/harbor HTTP/1.1\r\nAuthoriz")
            slow = web.connect()
            slow.sendall(
                b"POST /webhooks/harbor HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                b"Authorization: Bearer " + SECRET.encode() + b"\r\n\r\n{"
            )
            assert web.send("/healthz", method="GET").status == 200
        for each in (idle, half, slow):
            each.close()
        assert [each.exc_info for each in caplog.records if each.exc_info] == []

    def test_where_there_are_too_many_connections_the_oldest_idle_one_goes(
        self, tmp_path: Path
    ) -> None:
        with running_web(tmp_path, patience=Patience(connections=3)) as web:
            held = [web.connect() for _ in range(3)]
            ask_for_health(held[0])
            assert web.send_example("acr").status == 202
            assert held[1].recv(1000) == b"", "it was there before the others, and said nothing"
            ask_for_health(held[0])
            for each in held:
                each.close()

    def test_where_all_of_them_are_busy_one_more_is_sent_away(self, tmp_path: Path) -> None:
        with running_web(tmp_path, patience=Patience(connections=1)) as web:
            with busy(web) as answers, web.connect() as second:
                assert second.recv(1000).startswith(b"HTTP/1.1 503")
            assert answers == [202]

    def test_nothing_of_a_request_is_logged(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with running_web(tmp_path) as web:
            web.send_example("quay")
            web.send("/webhooks/quay/wrong-secret-of-somebody", b'{"some": "body"}')
            with web.connect() as connection:
                connection.sendall(b"no HTTP at all\r\n\r\n")
                assert connection.recv(1000).startswith(b"HTTP/1.1 400")
        ours = [
            each for each in caplog.records if each.name.split(".")[0] in ("promoter", "uvicorn")
        ]
        text = "\n".join(each.getMessage() for each in ours)
        assert text.splitlines() == [
            "webhook refused: source quay, status 401: the secret or signature is missing or wrong",
            "Invalid HTTP request received.",
        ]

"""A bad day for the server: whatever strangers send, the right status, no more memory than before,
and nothing beyond a look."""

from __future__ import annotations

import hmac
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.running import ChildWeb, web_in_a_child
from tests.service.webhooks.examples import EXAMPLES, SECRET

MIB = 1 << 20
_WITHIN = 20.0
_BEARER = {"Authorization": f"Bearer {SECRET}"}
_PUSH = json.dumps(EXAMPLES["harbor"].body).encode()
_NUDGE = str(EXAMPLES["harbor"].nudges[0])


@pytest.fixture
def web(tmp_path: Path) -> Iterator[ChildWeb]:
    with web_in_a_child(tmp_path, body=0.5, head=0.5, answer=5.0, rest=0.5) as web:
        yield web


def head(source: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST /webhooks/{source} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def status_of(connection: socket.socket) -> int:
    """Of the response that comes; 0 where the connection is closed without one."""
    connection.settimeout(_WITHIN)
    line = connection.recv(4096).partition(b"\r\n")[0]
    return int(line.split()[1]) if line else 0


def is_closed(connection: socket.socket) -> bool:
    """Waits for it; fails where it never is."""
    connection.settimeout(_WITHIN)
    try:
        while connection.recv(MIB):
            pass
    except ConnectionError:
        pass
    return True


def send_all(connection: socket.socket, piece: bytes, times: int) -> None:
    """As long as the other side takes it."""
    try:
        for _ in range(times):
            connection.sendall(piece)
    except ConnectionError:
        pass


def send_wrong_signatures(web: ChildWeb) -> None:
    right = f"sha256={hmac.digest(SECRET.encode(), b'{}', 'sha256').hex()}"
    for wrong in (right[:-1], right.upper(), right + "0", "sha256=", "", "пароль"):
        told = {"X-Hub-Signature-256": wrong.encode().decode("latin-1")}
        assert web.send("/webhooks/github", b"{}", told).status == 401
    assert web.send("/webhooks/github", b"{} ", {"X-Hub-Signature-256": right}).status == 401


def send_the_same_again(web: ChildWeb) -> None:
    for _ in range(5):
        assert web.send_example("github").status == 202


def send_a_hundred_megabytes_announced(web: ChildWeb) -> None:
    with web.connect() as connection:
        connection.sendall(head("github", "X-Hub-Signature-256: x", f"Content-Length: {100 * MIB}"))
        assert status_of(connection) == 413, "before any of it is sent"
        send_all(connection, b"x" * MIB, 100)


def send_a_hundred_megabytes_in_chunks(web: ChildWeb) -> None:
    with web.connect() as connection:
        connection.sendall(head("github", "X-Hub-Signature-256: x", "Transfer-Encoding: chunked"))
        chunk = b"%x\r\n%s\r\n" % (MIB, b"x" * MIB)
        connection.sendall(chunk[:-10])
        connection.sendall(chunk[-10:] + chunk)
        assert status_of(connection) == 413
        send_all(connection, chunk, 100)


def send_a_body_for_ever(web: ChildWeb) -> None:
    """After the answer, too: it is not read for ever."""
    with web.connect() as connection:
        connection.sendall(head("harbor", f"Authorization: Bearer {SECRET}", "Content-Length: 99"))
        connection.sendall(b"{")
        assert status_of(connection) == 408
        assert is_closed(connection)


def send_a_head_for_ever(web: ChildWeb) -> None:
    nothing, half = web.connect(), web.connect()
    half.sendall(b"POST /webhooks/harbor HTTP/1.1\r\nX-Slow: ")
    again = web.connect()
    again.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status_of(again) == 200
    again.sendall(b"GET /healthz HT")
    for each in (nothing, half, again):
        assert is_closed(each)
        each.close()


def send_more_bodies_than_there_is_room_for(web: ChildWeb) -> None:
    """Forty at a time, each of nearly a megabyte: those that came first make room."""
    held = [web.connect() for _ in range(40)]
    for each in held:
        each.sendall(head("github", "X-Hub-Signature-256: x", f"Content-Length: {MIB}"))
        send_all(each, b"x" * (MIB - 1), 1)
    told = {status_of(each) for each in held}
    for each in held:
        each.close()
    assert told == {408}


def send_what_breaks_parsers(web: ChildWeb) -> None:
    for body in (
        *(b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000),
        *(b"9" * 500_000, b'{"type": NaN}', b'"\xff"', b"{}" * 1000),
        *(b"[" + each * (900_000 // len(each)) + b"0]" for each in (b"[],", b'"ab",', b"0.1,")),
    ):
        assert web.send("/webhooks/harbor", body, _BEARER).status == 400
    for broken in (b"\x00" * 1000, b"\x16\x03\x01\x02\x00", b"GET / FTP/1.1\r\n\r\n"):
        with web.connect() as connection:
            connection.sendall(broken)
            assert status_of(connection) in (0, 400)
    with web.connect() as connection:
        send_all(connection, b"X-Long: " + b"x" * MIB, 3)
        assert is_closed(connection)


def send_to_sources_that_there_are_not(web: ChildWeb) -> None:
    for name in ("x", "..%2fharbor", "x" * 10_000, "%00", "%ff", "HARBOR"):
        assert web.send(f"/webhooks/{name}", _PUSH, _BEARER).status == 404


def send_a_thousand_webhooks(web: ChildWeb) -> None:
    statuses = {web.send("/webhooks/harbor", _PUSH, _BEARER).status for _ in range(1000)}
    assert statuses == {202}


def test_a_bad_day(web: ChildWeb) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is measured where Linux tells it")
    for source in EXAMPLES:
        for _ in range(5):
            assert web.send_example(source).status == 202
    before, files = web.most_resident(), web.open_files()
    for abuse in (
        send_wrong_signatures,
        send_the_same_again,
        send_a_hundred_megabytes_announced,
        send_a_hundred_megabytes_in_chunks,
        send_a_body_for_ever,
        send_a_head_for_ever,
        send_more_bodies_than_there_is_room_for,
        send_what_breaks_parsers,
        send_to_sources_that_there_are_not,
        send_a_thousand_webhooks,
    ):
        abuse(web)
    more = (web.most_resident() - before) / MIB
    assert more < 30, f"{more:.1f} MiB more at its worst moment"
    assert web.send("/healthz", method="GET").status == 200
    assert web.open_files() <= files + 1, "every connection is closed but the one of this test"
    told = web.end()
    expected = {str(nudge) for example in EXAMPLES.values() for nudge in example.nudges}
    assert set(told["heard"]) == expected, "nothing beyond what the right ones said"
    assert told["heard"][_NUDGE] == 1005
    assert told["ended"]
    assert "Traceback" not in told["log"]
    assert SECRET not in told["log"]
    assert len(told["log"].splitlines()) < 40

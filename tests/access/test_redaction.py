"""What --debug logs: enough to follow, nothing that opens a door."""

from __future__ import annotations

import base64
import logging
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.access import redaction
from promoter.access.http import HttpClient
from promoter.access.redaction import redact, redact_log
from promoter.cli.console import log_everything
from tests.services.misbehaving import Answer, serving


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            'https://s3.example.com:443 "GET /blob?X-Amz-Signature=canary&x=1 HTTP/1.1" 200 5',
            'https://s3.example.com:443 "GET /blob?*** HTTP/1.1" 200 5',
        ),
        (
            "Redirecting http://a.example -> https://b.example/x?sig=canary#y, then on",
            "Redirecting http://a.example -> https://b.example/x?***, then on",
        ),
        ("https://b.example?sig=canary", "https://b.example?***"),
        ("(url='/x?sig=canary')", "(url='/x?***')"),
        ("(GET /a?canary',/b?canary)", "(GET /a?***',/b?***)"),
        ("no?path=x but a/b?c=/d?canary", "no?path=x but a/b?***"),
        ("no?path/at?canary", "no?path/at?***"),
        ("what is it? a/b? nothing", "what is it? a/b? nothing"),
        ("https://u:canary@host/x", "https://***@host/x"),
    ],
)
def test_a_line_of_the_log_holds_no_query(line: str, shown: str) -> None:
    assert redact_log(line) == shown


def test_debug_shows_where_a_request_went_and_not_its_query(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    level = root.level
    monkeypatch.setattr(root, "handlers", [])
    client = HttpClient(proxies={})
    try:
        log_everything()
        with serving({("GET", "/blob"): Answer(200)}) as server:
            client.request("GET", f"http://{server.host}/blob?X-Amz-Signature=canary")
    finally:
        client.close()
        root.setLevel(level)
    told = capsys.readouterr().err
    assert '"GET /blob?*** HTTP/1.1" 200' in told
    assert "canary" not in told


def test_a_secret_is_masked_in_each_form_and_overlaps_leave_nothing() -> None:
    redaction.register("sesame/öffne")
    redaction.register("öffne dich")
    encoded = base64.b64encode("sesame/öffne".encode()).decode()
    assert redact(f"a sesame/öffne b sesame%2F%C3%B6ffne c {encoded} d") == "a *** b *** c *** d"
    assert redact("say sesame/öffne dich.") == "say ***."
    assert redact("sesame/öffnesesame/öffne") == "******"
    assert redact("öffne") == "öffne"


def test_a_secret_of_the_environment_may_be_no_text() -> None:
    redaction.register_pair("bot", "canary\udcff\ud800")
    assert redact("a canary\udcff\ud800 b") == "a *** b"


def test_passing_secrets_are_kept_as_long_as_they_are_among_the_last_thousands() -> None:
    redaction.register_passing("passing-canary-first")
    for number in range(4000):
        redaction.register_passing(f"eyJhbGciOiJSUzI1NiJ9.canary.{number:05d}")
    assert redact("Bearer passing-canary-first") == "Bearer ***"
    redaction.register_passing("passing-canary-first")  # seen again
    for number in range(4000, 8000):
        redaction.register_passing(f"eyJhbGciOiJSUzI1NiJ9.canary.{number:05d}")
    assert redact("Bearer passing-canary-first") == "Bearer ***"
    assert redact("eyJhbGciOiJSUzI1NiJ9.canary.07999") == "***"
    assert redact("eyJhbGciOiJSUzI1NiJ9.canary.00000") == "eyJhbGciOiJSUzI1NiJ9.canary.00000"


def test_long_tokens_take_no_more_room_than_short_ones() -> None:
    """A server chooses how long its tokens are; and none of them is kept to be read later."""
    tokens = [f"{number:04d}" * 4000 for number in range(300)]
    tracemalloc.start()
    try:
        for token in tokens:
            redaction.register_passing(token)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1 << 20
    encoded = base64.b64encode(tokens[0].encode()).decode()
    assert redact(f"a {tokens[0]} b {encoded} c") == "a *** b *** c"


@pytest.mark.parametrize("unit", ["/", "/a", "/?", "?", "a?b/", "/'", "x ", "://", "/a?'"])
def test_a_text_is_read_in_one_go(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        started = time.thread_time()
        redact_log(text)
        return time.thread_time() - started

    short = min(seconds(8_000) for _ in range(3))
    assert min(seconds(64_000) for _ in range(2)) < 30 * short  # it is 8 times as long


def test_what_lasts_is_not_forgotten_with_what_passes() -> None:
    redaction.register("both-canary")
    redaction.register_passing("both-canary")
    for number in range(5000):
        redaction.register_passing(f"token-{number}-canary")
    assert redact("both-canary") == "***"


@given(st.text("abc", max_size=30), st.lists(st.text("abc", min_size=4, max_size=6), max_size=3))
def test_no_secret_is_left_in_any_text(text: str, secrets: list[str]) -> None:
    index = redaction._Index()
    for secret in secrets:
        index.add(secret)
    shown = redaction._mask(text, sorted(index.spans(text)))
    assert not any(secret in shown for secret in secrets)
    assert shown.replace("***", "") == "".join(
        letter
        for place, letter in enumerate(text)
        if not any(
            secret == text[start : start + len(secret)]
            for secret in secrets
            for start in range(max(place - len(secret) + 1, 0), place + 1)
        )
    )

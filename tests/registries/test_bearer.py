from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from promoter.access.credentials import Credential, CredentialsOf
from promoter.access.http import HttpClient
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError
from promoter.registries.bearer import Tokens
from promoter.registries.headers import Challenge
from promoter.registries.place import Place
from promoter.registries.presentations import Presentations
from tests.services.misbehaving import json_answer, serving


def nobody(repository: str, refused: Credential | None = None) -> Credential | None:
    return None


def tokens_of(
    host: str,
    http: HttpClient,
    credentials: CredentialsOf = nobody,
    *,
    plain_http: bool = True,
    clock: Callable[[], float] = time.monotonic,
    base: str | None = None,
    most: int = 100,
) -> Tokens:
    place = Place.of(host, base, plain_http=plain_http)
    return Tokens(host, http, credentials, place, Presentations(place), clock=clock, most=most)


def test_a_token_is_renewed_before_it_expires(http: HttpClient) -> None:
    with serving({}) as server:
        server.answers["GET", "/token"] = [
            json_answer({"token": "first", "expires_in": 300}),
            json_answer({"token": "second"}),
            json_answer({"token": "third", "expires_in": -1}),
        ]
        now = 0.0
        tokens = tokens_of(server.host, http, clock=lambda: now)
        challenge = Challenge("bearer", {"realm": f"http://{server.host}/token"})
        for now, expected in (
            (1000.0, "first"),
            (1269.0, "first"),
            (1270.0, "second"),
            (1323.0, "second"),
            (1324.0, "third"),
        ):
            assert tokens.get(challenge, "shop/web", None) == (expected, None), now


def test_each_repository_has_its_own_token_fetched_once(http: HttpClient) -> None:
    with serving({}) as server:
        for name in "abc":
            path = f"/token?scope=repository%3A{name}%3Apull"
            server.answers["GET", path] = json_answer({"token": f"for-{name}"})
        tokens = tokens_of(server.host, http)
        challenge = Challenge("bearer", {"realm": f"http://{server.host}/token"})
        names = list("abc" * 20)
        with ThreadPoolExecutor(12) as threads:
            given = list(threads.map(lambda name: tokens.get(challenge, name, None), names))
        assert given == [(f"for-{name}", None) for name in names]
        assert len(server.requests) == 3


def test_tokens_are_not_fetched_over_plain_http_and_not_shown(http: HttpClient) -> None:
    with serving({("GET", "/token"): json_answer({"token": "canary"})}) as server:
        challenge = Challenge("bearer", {"realm": f"http://{server.host}/token"})
        with pytest.raises(InputError, match="wants its tokens fetched over plain HTTP"):
            tokens_of("registry.example.com", http, plain_http=False).get(challenge, "x", None)
        with pytest.raises(InputError, match="wants its tokens fetched over plain HTTP"):
            tokens_of("127.0.0.2:5000", http).get(challenge, "x", None)
        assert server.requests == []
        allowed = tokens_of(server.host, http)
        assert allowed.get(challenge, "x", None) == ("canary", None)
        assert "canary" not in repr(vars(allowed))


@pytest.mark.parametrize(
    ("said", "date", "lasts"),
    [
        ({"expires_in": 300}, None, 270),
        ({"expires_in": "300"}, None, 270),
        ({}, None, 54),
        ({"expires_in": 0}, None, 54),
        ({"expires_in": None}, None, 54),
        ({"expires_in": float("nan")}, None, 54),
        ({"expires_in": float("inf")}, None, 54),
        ({"expires_in": 10**400}, None, 54),
        ({"expires_in": 10**9}, None, 86_400 * 0.9),
        ({"expires_in": "9" * 400}, None, 54),
        # Handed out again after 200 of its 300 seconds, by the realm's own clock, however wrong
        ({"expires_in": 300, "issued_at": "2031-01-01T00:00:00Z"}, 200, 90),
        ({"expires_in": 300, "issued_at": "2031-01-01T00:00:00.5Z"}, -3600, 270),
        ({"expires_in": 300, "issued_at": "2031-01-01T00:00:00Z"}, 7200, 4.5),
        ({"expires_in": 300, "issued_at": "yesterday"}, 200, 270),
    ],
)
def test_a_token_lasts_as_long_as_the_realm_says(
    http: HttpClient, said: dict[str, object], date: int | None, lasts: float
) -> None:
    start = datetime(2031, 1, 1, tzinfo=UTC)
    headers = (
        {} if date is None else {"Date": format_datetime(start + timedelta(seconds=date), True)}
    )
    answers = [json_answer({"token": f"t-{n}", **said}, 200, headers) for n in range(2)]
    with serving({("GET", "/token"): answers}) as server:
        times = [500.0, 500.0, 500.0 + lasts - 0.01, 500.0 + lasts]
        now = times[0]
        tokens = tokens_of(server.host, http, clock=lambda: now)
        challenge = Challenge("bearer", {"realm": f"http://{server.host}/token"})
        for now, expected in zip(times, ("t-0", "t-0", "t-0", "t-1"), strict=True):
            assert tokens.get(challenge, "x", None) == (expected, None), now


@pytest.mark.parametrize("date", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "now"])
def test_a_date_of_no_era_is_none(http: HttpClient, date: str) -> None:
    said = {"token": "t", "issued_at": "2031-01-01T00:00:00Z"}
    with serving({("GET", "/token"): json_answer(said, 200, {"Date": date})}) as server:
        challenge = Challenge("bearer", {"realm": f"http://{server.host}/token"})
        assert tokens_of(server.host, http).get(challenge, "x", None) == ("t", None)


def test_a_token_longer_than_any_server_takes_is_none(http: HttpClient) -> None:
    answers = [json_answer({"token": "a" * length}) for length in (16_385, 16_384)]
    with serving({("GET", "/token"): answers}) as server:
        challenge = Challenge("bearer", {"realm": f"http://{server.host}/token"})
        tokens = tokens_of(server.host, http)
        with pytest.raises(TransientError, match=r"gave no usable token .* \(200\)"):
            tokens.get(challenge, "x", None)
        assert tokens.get(challenge, "x", None) == ("a" * 16_384, None)


def test_few_tokens_are_kept_and_each_for_its_repository(http: HttpClient) -> None:
    with serving({}) as server:
        for name in "abc":
            path = f"/token?scope=repository%3A{name}%3Apull"
            server.answers["GET", path] = json_answer({"token": f"for-{name}"})
        tokens = tokens_of(server.host, http, most=2)
        challenge = Challenge("bearer", {"realm": f"http://{server.host}/token"})
        for name in "abacac":  # b has gone when c came, because a was used after it
            assert tokens.get(challenge, name, None) == (f"for-{name}", None)
        assert len(server.requests) == 3
        tokens.get(challenge, "b", None)
        assert len(server.requests) == 4


def test_a_token_is_masked_from_then_on(http: HttpClient) -> None:
    with serving({("GET", "/token"): json_answer({"token": "canary-of-a-realm"})}) as server:
        challenge = Challenge("bearer", {"realm": f"http://{server.host}/token"})
        tokens_of(server.host, http).get(challenge, "x", None)
    assert redact("it said: canary-of-a-realm!") == "it said: ***!"

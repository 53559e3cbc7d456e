from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from promoter.access.credentials import Credential, CredentialsOf
from promoter.access.http import HttpClient
from promoter.errors import InputError
from promoter.registries.bearer import Tokens
from promoter.registries.headers import Challenge
from promoter.registries.place import Place
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
    return Tokens(host, http, credentials, place, clock=clock, most=most)


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

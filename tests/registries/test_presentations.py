"""A credential that is refused: how often a registry sees it, and who may try it next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from urllib3 import HTTPHeaderDict

from promoter.access.credentials import Credential
from promoter.access.http import HttpClient, Response
from promoter.errors import InputError, TransientError
from promoter.registries.conversation import Conversation
from promoter.registries.distribution import DistributionRegistry
from promoter.registries.place import Place
from promoter.registries.presentations import Presentations
from promoter.registries.tag_list import list_tags
from tests.registries.proofs import Source
from tests.registries.test_authorization import GOOD, asks_basic, asks_token, basic
from tests.services.misbehaving import Answer, Request, Server, json_answer, serving

WRONG, RIGHT = Credential("ci", "canary-wrong"), Credential("ci", "canary-right")
MANY = [f"shop/r{n}" for n in range(50)]


class Shop:
    """A registry with Basic; `opens` tells which repositories which password opens."""

    def __init__(self, server: Server, http: HttpClient) -> None:
        self.now = 0.0
        self.server = server
        self.opens: dict[Credential, list[str]] = {}
        self.source = Source([WRONG])
        self.said: set[str] = set()
        for name in MANY:
            server.answers["GET", f"/v2/{name}/tags/list"] = self._answer
        place = Place.of(server.host, None, plain_http=True)
        self.client = Conversation(
            server.host, http, self.source, place, Presentations(place, lambda: self.now)
        )

    def _answer(self, request: Request) -> Answer:
        name = urlsplit(request.path).path.removeprefix("/v2/").removesuffix("/tags/list")
        proof = request.header("Authorization")
        good = any(proof == basic(each) and name in names for each, names in self.opens.items())
        return GOOD if good else asks_basic()

    def readable(self, names: list[str]) -> list[str]:
        return [name for name in names if self._is_readable(name)]

    def _is_readable(self, name: str) -> bool:
        try:
            return list_tags(self.client, name) == ("1",)
        except InputError as error:
            self.said.add(str(error))
            return False

    def shown(self, credential: Credential = WRONG) -> int:
        return sum(r.header("Authorization") == basic(credential) for r in self.server.requests)


@pytest.fixture
def shop(http: HttpClient) -> Iterator[Shop]:
    with serving({}) as server:
        yield Shop(server, http)


def test_a_wrong_password_is_not_tried_for_every_repository(shop: Shop) -> None:
    assert shop.readable(MANY) == []
    assert shop.shown() == 3
    assert shop.readable(MANY) == []
    shop.now = 59.0
    assert shop.readable(MANY) == []
    assert shop.shown() == 3
    for shop.now in (60.0, 120.0, 180.0):
        assert shop.readable(MANY) == []
    assert shop.shown() == 6
    assert all("check username, password and the right to pull of" in each for each in shop.said)
    assert not any("canary" in each for each in shop.said)


def test_neither_is_it_by_all_at_once(shop: Shop) -> None:
    with ThreadPoolExecutor(16) as threads:
        assert not any(threads.map(shop._is_readable, MANY))
    assert shop.shown() == 3


def test_a_slow_repository_keeps_nobody_waiting() -> None:
    """Not even before the password is known to be right."""
    url = "https://registry.example.com/v2/x/tags/list"
    good = Response(url, 200, HTTPHeaderDict(), b"{}")
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Response:
        begun.set()
        assert go_on.wait(10)
        return good

    shown = Presentations(Place.of("registry.example.com", None, plain_http=False))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(shown.show, RIGHT, MANY[0], url, slow)
        try:
            assert begun.wait(10)
            found = [shown.show(RIGHT, name, url, lambda: good) for name in MANY[1:]]
            assert found == [good] * (len(MANY) - 1)
        finally:
            go_on.set()
        assert waiting.result() == good


def test_one_repository_alone_tries_again_after_a_rest(shop: Shop) -> None:
    for shop.now in (0.0, 30.0, 60.0, 61.0, 120.0):
        assert shop.readable(MANY[:1]) == []
    assert shop.shown() == 3
    shop.opens[WRONG] = MANY
    shop.now = 180.0
    assert shop.readable(MANY[:1]) == MANY[:1]


def test_another_secret_is_tried_at_once(shop: Shop) -> None:
    assert shop.readable(MANY) == []
    shop.opens[RIGHT] = MANY
    shop.source.credentials[:] = [RIGHT]
    assert shop.readable(MANY) == MANY
    assert shop.shown() == 3


def test_a_repository_that_may_not_be_read_takes_nothing_from_the_others(shop: Shop) -> None:
    """Some registries say 401 where others say 403."""
    shop.opens[WRONG] = MANY[2:]
    assert shop.readable(MANY) == MANY[2:]
    assert shop.readable(MANY) == MANY[2:]


def test_those_that_may_not_be_read_do_not_always_come_first(shop: Shop) -> None:
    shop.opens[WRONG] = MANY[5:]
    looks = []
    for shop.now in (0.0, 300.0, 600.0, 900.0):  # in the same order each time
        looks.append(len(shop.readable(MANY)))
    assert looks == [0, 0, 0, 45]
    shop.now = 1200.0
    assert shop.readable(MANY) == MANY[5:]


def test_a_password_that_was_right_and_is_no_more(shop: Shop) -> None:
    shop.opens[WRONG] = MANY
    assert shop.readable(MANY) == MANY
    before = shop.shown()
    shop.opens.clear()
    assert shop.readable(MANY) == []
    assert shop.shown() == before + 3


def test_a_realm_sees_a_wrong_password_as_seldom(http: HttpClient) -> None:
    with serving({}) as server:
        server.answers |= {("GET", f"/v2/{name}/tags/list"): asks_token(server) for name in MANY}
        server.answers["GET", "/token"] = Answer(401)
        registry = DistributionRegistry(server.host, http, Source([WRONG]), plain_http=True)
        for _ in range(2):
            for name in MANY:
                with pytest.raises(InputError, match=r"no token|refused a moment ago \(401\)"):
                    registry.tags(name)
        assert len(server.asked("GET", "/token")) == 3


def test_a_realm_that_does_not_answer_refused_nobody(http: HttpClient) -> None:
    with serving({}) as server:
        server.answers |= {("GET", f"/v2/{name}/tags/list"): asks_token(server) for name in MANY}
        server.answers["GET", "/token"] = Answer(500)
        registry = DistributionRegistry(server.host, http, Source([WRONG]), plain_http=True)
        for name in MANY:
            with pytest.raises(TransientError, match=r"is in trouble \(500\)"):
                registry.tags(name)


def test_a_401_of_where_a_redirect_led_speaks_of_no_credential(http: HttpClient) -> None:
    """It was not sent there."""
    with serving({}) as storage, serving({}) as server:
        blob = "sha256:" + "a" * 64
        moved = Answer(307, {"Location": f"http://{storage.host}/bucket"})

        def answer(request: Request) -> Answer:
            return moved if request.header("Authorization") else asks_basic()

        storage.answers["GET", "/bucket"] = Answer(401)
        server.answers |= {("GET", f"/v2/{name}/blobs/{blob}"): answer for name in MANY}
        registry = DistributionRegistry(server.host, http, Source([RIGHT]), plain_http=True)
        for name in MANY:
            message = f"{server.host} sends on to {storage.host}, which refuses '{name}' \\(401\\)"
            with pytest.raises(InputError, match=message) as caught:
                registry.blob(name, blob)
            assert "no credential was sent there" in str(caught.value)
            assert "user" not in str(caught.value)
        assert [each.header("Authorization") for each in storage.requests] == [None] * len(MANY)


# The realm that a registry names


def ask_all(registry: DistributionRegistry, names: list[str]) -> list[tuple[str, ...]]:
    return [registry.tags(name) for name in names]


def wants_token(server: Server, realm: str, token: str) -> None:
    def answer(request: Request) -> Answer:
        if request.header("Authorization") == f"Bearer {token}":
            return GOOD
        challenge = f'Bearer realm="http://{server.host}/{realm}",service="hub"'
        return Answer(401, {"WWW-Authenticate": challenge})

    server.answers |= {("GET", f"/v2/{name}/tags/list"): answer for name in MANY}


def test_a_realm_that_moved_is_learned_again(http: HttpClient) -> None:
    """Also where the old one is gone for good."""
    with serving({("GET", "/old"): json_answer({"token": "t-old"})}) as server:
        wants_token(server, "old", "t-old")
        registry = DistributionRegistry(server.host, http, Source([RIGHT]), plain_http=True)
        assert registry.tags(MANY[0]) == ("1",)
        server.answers["GET", "/old"] = Answer(404)
        server.answers["GET", "/new"] = json_answer({"token": "t-new"})
        wants_token(server, "new", "t-new")
        assert ask_all(registry, MANY[::-1]) == [("1",)] * len(MANY)
        assert len(server.asked("GET", "/old")) == 2


def test_a_public_repository_beside_private_ones_is_read_in_any_order(http: HttpClient) -> None:
    private, public = "shop/r0", "public/x"

    def token(request: Request) -> Answer:
        scope = parse_qs(urlsplit(request.path).query)["scope"]
        is_private = scope == [f"repository:{private}:pull"]
        return json_answer({"token": "t"}) if is_private else Answer(403)

    for order in ([public, private, public], [private, public, private]):
        with serving({("GET", "/token"): token}) as server:
            wants_token(server, "token", "t")
            server.answers["GET", f"/v2/{public}/tags/list"] = GOOD
            registry = DistributionRegistry(server.host, http, Source([RIGHT]), plain_http=True)
            assert ask_all(registry, order) == [("1",)] * 3


def test_what_failed_is_not_tried_twice_for_one_question(http: HttpClient) -> None:
    with serving({("GET", "/token"): [json_answer({"token": "t"}), Answer(403)]}) as server:
        wants_token(server, "token", "t")
        registry = DistributionRegistry(server.host, http, Source([RIGHT]), plain_http=True)
        assert registry.tags(MANY[0]) == ("1",)
        with pytest.raises(InputError, match=r"gives no token to pull 'shop/r1' \(403\)"):
            registry.tags(MANY[1])
        assert len(server.asked("GET", "/token")) == 2

"""What a registry, or something that stands in its place, may answer instead of the truth."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest

from promoter.access.credentials import Credential
from promoter.access.http import HttpClient
from promoter.errors import InputError, PromoterError, TransientError
from promoter.registries.content import digest_of
from promoter.registries.distribution import DistributionRegistry
from promoter.registries.images import build_image
from promoter.registries.media_types import OCI_MANIFEST
from tests.registries.connect import connect
from tests.services.misbehaving import (
    Answer,
    json_answer,
    registry_error,
    serving,
    web_page,
)
from tests.services.registry import SOME_DAY

IMAGE = build_image(SOME_DAY, {})
TAGS = "/v2/x/tags/list"
TAG = "/v2/x/manifests/1.0"
PINNED = f"/v2/x/manifests/{IMAGE.digest}"
BLOB = f"/v2/x/blobs/{IMAGE.digest}"
MANIFEST = Answer(200, {"Content-Type": OCI_MANIFEST}, IMAGE.top.data)

Ask = Callable[[DistributionRegistry], object]
ASKS: list[tuple[str, str, Ask]] = [
    ("GET", TAGS, lambda registry: registry.tags("x")),
    ("GET", TAG, lambda registry: registry.digest("x", "1.0")),
    ("GET", PINNED, lambda registry: registry.manifest("x", IMAGE.digest)),
    ("GET", BLOB, lambda registry: registry.blob("x", IMAGE.digest)),
]


@pytest.mark.parametrize(("method", "path", "ask"), ASKS)
@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (Answer(500), TransientError, "is in trouble (500)"),
        (Answer(503), TransientError, "is in trouble (503)"),
        (Answer(429, {"Retry-After": "90"}), TransientError, "asks to wait 90 s"),
        (registry_error(403, "DENIED"), InputError, "no credential was sent; add the entry"),
        (registry_error(401, "UNAUTHORIZED"), InputError, "no credential was sent; add the entry"),
        (web_page(200), InputError, "did not answer as a registry (200, text/html)"),
        (web_page(404), InputError, "did not answer as a registry (404, text/html)"),
        (registry_error(404, "NAME_UNKNOWN"), InputError, "has no repository 'x'"),
        (registry_error(400, "NAME_INVALID"), InputError, "status 400 (NAME_INVALID)"),
        (Answer(204), InputError, "can't answer for 'x': status 204"),
        (replace(MANIFEST, truncated=True), TransientError, "broke off the connection"),
        (Answer(404, {}, b"404 page not found"), InputError, "no registry at this address"),
    ],
)
def test_trouble_is_an_error_and_never_absence(
    http: HttpClient,
    method: str,
    path: str,
    ask: Ask,
    answer: Answer,
    error: type[PromoterError],
    message: str,
) -> None:
    answers = {(method, path): answer, ("HEAD", TAG): answer, ("GET", TAGS): answer}
    with serving(answers) as server, pytest.raises(error) as caught:
        ask(connect(server.host, http))
    assert message in str(caught.value)
    assert server.host in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"name":"x"}', b'{"tags":[1]}', b"[" * 9**5])
def test_a_damaged_tag_list_is_trouble(http: HttpClient, body: bytes) -> None:
    answers = {("GET", TAGS): Answer(200, {"Content-Type": "application/json"}, body)}
    with serving(answers) as server, pytest.raises(TransientError, match="tag list of 'x'"):
        connect(server.host, http).tags("x")


@pytest.mark.parametrize("tags", [None, []])
def test_an_empty_tag_list_is_empty(http: HttpClient, tags: list[str] | None) -> None:
    with serving({("GET", TAGS): json_answer({"name": "x", "tags": tags})}) as server:
        assert connect(server.host, http).tags("x") == ()


def test_a_404_without_a_reason_counts_where_the_repository_is_there(http: HttpClient) -> None:
    bare = Answer(404)
    answers = {
        ("HEAD", TAG): bare,
        ("GET", TAG): bare,
        ("GET", PINNED): registry_error(404, "NOT_FOUND"),
        ("GET", TAGS): json_answer({"tags": ["2.0"]}),
    }
    with serving(answers) as server:
        registry = connect(server.host, http)
        assert registry.digest("x", "1.0") is None
        assert registry.manifest("x", IMAGE.digest) is None


def test_a_404_of_another_host_is_not_the_registrys_word(http: HttpClient) -> None:
    with serving({("GET", "/gone"): Answer(404)}) as store:
        moved = Answer(307, {"Location": f"http://{store.host}/gone"})
        answers = {("GET", BLOB): moved, ("GET", TAGS): json_answer({"tags": ["1.0"]})}
        with (
            serving(answers) as server,
            pytest.raises(TransientError, match=f"sends on to {store.host}, which answers 404"),
        ):
            connect(server.host, http).blob("x", IMAGE.digest)


LOGIN = Answer(200, {"Content-Type": "text/html", "Docker-Content-Digest": digest_of(b"page")})


@pytest.mark.parametrize("head", [Answer(405), Answer(200), Answer(404), Answer(403), LOGIN])
def test_a_digest_that_head_leaves_open_is_computed(http: HttpClient, head: Answer) -> None:
    with serving({("HEAD", TAG): head, ("GET", TAG): MANIFEST}) as server:
        assert connect(server.host, http).digest("x", "1.0") == IMAGE.digest


def test_a_digest_by_head_costs_one_request(http: HttpClient) -> None:
    named = replace(MANIFEST, headers={**MANIFEST.headers, "Docker-Content-Digest": IMAGE.digest})
    with serving({("HEAD", TAG): named}) as server:
        assert connect(server.host, http).digest("x", "1.0") == IMAGE.digest
        (request,) = server.requests
    assert "application/vnd.docker.distribution.manifest.v2+json" in (
        request.header("Accept") or ""
    )
    assert (request.header("User-Agent") or "").startswith("promoter/")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_content_that_does_not_match_its_digest_is_not_used(
    http: HttpClient, algorithm: str
) -> None:
    right, wrong = digest_of(b"right", algorithm), digest_of(b"wrong", algorithm)
    lying = replace(MANIFEST, headers={**MANIFEST.headers, "Docker-Content-Digest": wrong})
    answers = {
        ("GET", f"/v2/x/manifests/{right}"): Answer(200, {}, b"wrong"),
        ("GET", f"/v2/x/blobs/{right}"): Answer(200, {}, b"wrong"),
        ("HEAD", TAG): Answer(405),
        ("GET", TAG): lying,
    }
    with serving(answers) as server:
        registry = connect(server.host, http)
        for ask in (registry.manifest, registry.blob):
            with pytest.raises(InputError, match=f"asked {right}, got {wrong}; not used"):
                ask("x", right)
        with pytest.raises(InputError, match=f"digest mismatch: asked {wrong}"):
            registry.digest("x", "1.0")


@pytest.mark.parametrize(
    ("body", "error"), [({"schemaVersion": 1}, InputError), ("not an object", TransientError)]
)
def test_a_tag_of_something_else_than_an_image_has_no_digest(
    http: HttpClient, body: object, error: type[PromoterError]
) -> None:
    answers = {("HEAD", TAG): Answer(405), ("GET", TAG): json_answer(body)}
    with serving(answers) as server, pytest.raises(error, match=r"x:1\.0"):
        connect(server.host, http).digest("x", "1.0")


def test_pages_are_followed_to_the_end_and_what_is_no_tag_is_left_out(http: HttpClient) -> None:
    answers = {
        ("GET", f"{TAGS}?n=1000"): json_answer(
            {"tags": ["1", "2"]}, 200, {"Link": f'<{TAGS}?n=1000&last=2>; rel="next"'}
        ),
        ("GET", f"{TAGS}?n=1000&last=2"): json_answer(
            {"tags": ["2", "3", "no tag\n"]}, 200, {"Link": '<list?last=3>; rel="next"'}
        ),
        ("GET", f"{TAGS}?last=3"): json_answer({"tags": None}),
    }
    with serving(answers) as server:
        assert connect(server.host, http).tags("x") == ("1", "2", "3")


@pytest.mark.parametrize(
    ("link", "error", "message"),
    [
        (
            "<http://registry.invalid/v2/x/tags/list>",
            InputError,
            "at another address, registry.inv",
        ),
        ("<https://{host}/v2/x/tags/list>", InputError, "at another address"),
        (f"<{TAGS}?n=1000>", TransientError, "never end"),
    ],
)
def test_pages_stay_at_their_host_and_end(
    http: HttpClient, link: str, error: type[PromoterError], message: str
) -> None:
    with serving({}) as server:
        header = {"Link": f'{link.format(host=server.host)}; rel="next"'}
        server.answers["GET", TAGS] = json_answer({"tags": ["1"]}, 200, header)
        with pytest.raises(error, match=message):
            connect(server.host, http).tags("x")
        assert len(server.requests) == 1


def test_too_large_an_answer_is_not_read(http: HttpClient) -> None:
    answers = {("GET", PINNED): Answer(200, {}, bytes((4 << 20) + 1))}
    with serving(answers) as server, pytest.raises(InputError, match="larger than 4,194,304 bytes"):
        connect(server.host, http).manifest("x", IMAGE.digest)


@pytest.mark.parametrize(
    "repository", ["../admin", "x/../y", "X", "", "/x", "x/", "x?n=1", "x%2fy"]
)
def test_no_name_leaves_the_api(http: HttpClient, repository: str) -> None:
    with serving({}) as server:
        registry = connect(server.host, http)
        with pytest.raises(InputError, match="is not a repository name"):
            registry.tags(repository)
        with pytest.raises(InputError, match="is not a tag"):
            registry.digest("x", f"../{repository}")
        with pytest.raises(InputError, match="is not a sha256 or sha512 digest"):
            registry.blob("x", repository)
        assert server.requests == []


def test_plain_http_is_used_only_where_it_was_allowed(http: HttpClient) -> None:
    with serving({}) as server:
        allow = rf"allow it by --registry or PROMOTER_REGISTRIES: HOST=http://{server.host}"
        with pytest.raises(
            InputError, match=f"does not speak TLS; if plain HTTP is meant, {allow}"
        ):
            DistributionRegistry(server.host, http).tags("x")
        with pytest.raises(InputError, match=r"over plain HTTP at .*; allow it by name"):
            DistributionRegistry("hub.example.com", http, base=f"http://{server.host}")
        assert server.requests == []


def test_docker_hub_is_asked_at_its_other_name_with_a_mirror_in_its_place(http: HttpClient) -> None:
    hub = DistributionRegistry("docker.io", http)
    assert str(hub._origin) == "registry-1.docker.io"
    with serving(
        {("GET", "/mirror/v2/library/nginx/tags/list"): json_answer({"tags": ["1"]})}
    ) as s:
        base = f"http://{s.host}/mirror/"
        mirrored = DistributionRegistry("docker.io", http, plain_http=True, base=base)
        assert mirrored.tags("library/nginx") == ("1",)


# Token authentication


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def challenge(realm: str) -> Answer:
    header = f'Bearer realm="{realm}",service="hub",scope="repository:x:pull,push"'
    return registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": header})


@pytest.mark.parametrize("credential", [None, Credential("ci", "canary-pässword")])
def test_a_token_is_fetched_once_and_used_until_it_expires(
    http: HttpClient, credential: Credential | None
) -> None:
    with serving({}) as server:
        server.answers["GET", "/token"] = json_answer({"token": "t-1", "expires_in": 300})
        server.answers["GET", TAGS] = [
            challenge(f"http://{server.host}/token?account=a"),
            json_answer({"tags": ["1"]}),
        ]
        server.answers["GET", PINNED] = MANIFEST
        registry = connect(server.host, http, credential)
        assert registry.tags("x") == ("1",)
        assert registry.manifest("x", IMAGE.digest) == IMAGE.top.data

        (token,) = server.asked("GET", "/token")
        assert token.path == "/token?account=a&scope=repository%3Ax%3Apull&service=hub"
        sent = basic("ci", "canary-pässword") if credential else None
        assert token.header("Authorization") == sent
        first, second = server.asked("GET", TAGS)
        assert first.header("Authorization") is None
        assert second.header("Authorization") == "Bearer t-1"
        assert server.asked("GET", PINNED)[0].header("Authorization") == "Bearer t-1"


def test_a_refused_token_is_replaced_once(http: HttpClient) -> None:
    with serving({}) as server:
        asks = challenge(f"http://{server.host}/token")
        server.answers["GET", "/token"] = [
            json_answer({"access_token": "old"}),
            json_answer({"access_token": "new"}),
        ]
        good = json_answer({"tags": ["1"]})
        server.answers["GET", TAGS] = [asks, good, asks, good, asks]
        registry = connect(server.host, http)
        assert registry.tags("x") == registry.tags("x") == ("1",)
        sent = [request.header("Authorization") for request in server.asked("GET", TAGS)]
        assert sent == [None, "Bearer old", "Bearer old", "Bearer new"]
        with pytest.raises(InputError, match=r"refuses 'x' \(401\), and no credential was sent"):
            registry.tags("x")


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (registry_error(401, "DENIED"), InputError, r"gives no token to pull 'x' \(401\) to user"),
        (registry_error(403, "DENIED"), InputError, "check username, password and the right"),
        (web_page(), TransientError, r"gave no usable token for .* \(200\)"),
        (json_answer({"token": ""}), TransientError, "gave no usable token"),
        (json_answer({"token": "canary\r\nX: y"}), TransientError, "gave no usable token"),
        (json_answer({}, 404), TransientError, r"gave no usable token for .* \(404\)"),
    ],
)
def test_a_realm_that_gives_no_token(
    http: HttpClient, answer: Answer, error: type[PromoterError], message: str
) -> None:
    with serving({("GET", "/token"): answer}) as server:
        server.answers["GET", TAGS] = challenge(f"http://{server.host}/token")
        with pytest.raises(error, match=message) as caught:
            connect(server.host, http, Credential("ci", "canary-password")).tags("x")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("realm", ["ftp://registry.invalid/t", "", "/token"])
def test_a_realm_must_be_an_address(http: HttpClient, realm: str) -> None:
    with serving({("GET", TAGS): challenge(realm)}) as server:
        message = f"^{server.host} wants a token and does not say where to fetch it"
        with pytest.raises(InputError, match=message):
            connect(server.host, http, Credential("ci", "canary-password")).tags("x")


@pytest.mark.parametrize("learned", [True, False])
def test_no_credential_goes_where_a_redirect_leads(http: HttpClient, learned: bool) -> None:
    """Neither the header itself, nor an answer to the other host's own challenge."""
    with serving({}) as thief:
        thief.answers["GET", "/blob"] = challenge(f"http://{thief.host}/token")
        thief.answers["GET", "/token"] = json_answer({"token": "t"})
        asks = registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="r"'})
        moved = Answer(307, {"Location": f"http://{thief.host}/blob"})
        with serving({("GET", BLOB): [asks, moved] if learned else moved}) as server:
            registry = connect(server.host, http, Credential("ci", "canary-password"))
            with pytest.raises(InputError, match="401"):
                registry.blob("x", IMAGE.digest)
            sent = basic("ci", "canary-password") if learned else None
            assert server.requests[-1].header("Authorization") == sent
        assert [request.path for request in thief.requests] == ["/blob"]
        assert thief.requests[0].header("Authorization") is None


def test_no_credential_goes_to_the_pages_of_another_host(http: HttpClient) -> None:
    """A registry may send on to another one; its pages stay there."""
    asks = registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="r"'})
    pages = {
        ("GET", "/v2/y/tags/list"): [
            json_answer({"tags": ["1"]}, 200, {"Link": '<list?last=1>; rel="next"'}),
            json_answer({"tags": ["2"]}),
        ]
    }
    with serving(pages) as other:
        moved = Answer(307, {"Location": f"http://{other.host}/v2/y/tags/list"})
        with serving({("GET", TAGS): [asks, moved]}) as server:
            registry = connect(server.host, http, Credential("ci", "canary-password"))
            assert registry.tags("x") == ("1", "2")
        assert [r.path for r in other.requests] == ["/v2/y/tags/list", "/v2/y/tags/list?last=1"]
        assert [r.header("Authorization") for r in other.requests] == [None, None]

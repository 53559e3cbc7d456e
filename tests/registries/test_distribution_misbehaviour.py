"""Each way in which a registry misbehaves is an error of ours, in bounded time and memory."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from promoter.access import redaction
from promoter.access.credentials import Credential
from promoter.access.http import HttpClient
from promoter.access.origin import origin_of
from promoter.errors import InputError, TransientError
from promoter.registries.content import digest_of
from promoter.registries.distribution import DistributionRegistry
from tests.registries.connect import connect
from tests.services.misbehaving import Answer, json_answer, registry_error, serving
from tests.services.troubles import (
    LIST,
    NEWEST,
    REPOSITORY,
    TAG,
    TROUBLES,
    VERSIONS,
    Made,
    Trouble,
    healthy,
    image,
    tag_list,
    whole,
)

PASSWORD = "canary-of-the-robot-4c1e"
ROBOT = Credential("robot", PASSWORD)
MEGABYTES = 1 << 10  # of the kilobytes in /proc
BLOB = digest_of(b"a blob")
PINNED = image(NEWEST).digest
PINNED_PATH = f"/v2/{REPOSITORY}/manifests/{PINNED}"


def look(registry: DistributionRegistry) -> None:
    """Everything that a plan may ask of a repository."""
    registry.tags(REPOSITORY)
    registry.digest(REPOSITORY, NEWEST)
    registry.manifest(REPOSITORY, PINNED)
    registry.blob(REPOSITORY, BLOB)


@pytest.fixture
def hasty() -> Iterator[HttpClient]:
    """It leaves a server that is silent or slow within a second."""
    http = HttpClient(
        proxies={}, read_timeout=0.2, longest_request=0.6, tries=2, pause=lambda _: None
    )
    yield http
    http.close()


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_each_is_an_error_that_says_what_happened(hasty: HttpClient, trouble: Trouble) -> None:
    with serving(healthy()) as server:
        server.answers.update(trouble.answers(server.host))
        registry = connect(server.host, hasty)
        with pytest.raises(TransientError if trouble.later else InputError) as caught:
            look(registry)
        assert trouble.sentence.format(host=server.host) in str(caught.value)
        assert len(str(caught.value)) < 400

        # It was the registry, not the client: the same one goes on as soon as it is well again.
        server.answers.clear()
        server.answers.update(healthy())
        again = connect(server.host, HttpClient(proxies={}))
        assert again.tags(REPOSITORY) == VERSIONS
        assert again.digest(REPOSITORY, NEWEST) == PINNED


@pytest.mark.parametrize("name", ["3-gb-list", "3-gb-manifest", "gzip-bomb", "dripping"])
def test_no_answer_fills_the_memory(hasty: HttpClient, name: str) -> None:
    (trouble,) = (each for each in TROUBLES if each.name == name)
    with serving(healthy()) as server:
        server.answers.update(trouble.answers(server.host))
        registry = connect(server.host, hasty)
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here: proc(5)
        before = _memory("VmRSS")
        with pytest.raises((InputError, TransientError)):
            look(registry)
        # The limit is 16 MiB for lists; a piece may be held twice while it is put together.
        assert _memory("VmHWM") - before < 64 * MEGABYTES


def _memory(what: str) -> int:
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    assert found
    return int(found[1])


@pytest.mark.parametrize("place", [("GET", LIST), ("HEAD", TAG)])
def test_bytes_behind_an_answer_do_not_spoil_the_next_one(
    http: HttpClient, place: tuple[str, str]
) -> None:
    """Some servers send a body to HEAD, or more than they said; the connection is kept."""
    answers = healthy()
    right = answers[place]
    assert isinstance(right, Answer)
    answers[place] = replace(right, stray=right.body)
    with serving(answers) as server:
        registry = connect(server.host, http)
        for _ in range(5):
            assert registry.tags(REPOSITORY) == VERSIONS
            assert registry.digest(REPOSITORY, NEWEST) == PINNED


@pytest.mark.parametrize(
    "again",
    [
        [("Docker-Content-Digest", digest_of(b"another"))],
        [("Content-Type", "text/plain")],
        [("Docker-Content-Digest", "sha256:short"), ("ETag", '"a"'), ("ETag", '"b"')],
    ],
)
def test_two_headers_of_one_name_never_choose_an_image(
    http: HttpClient, again: list[tuple[str, str]]
) -> None:
    doubled = replace(whole(image(NEWEST)), again=again)
    answers: Made = {**healthy(), ("HEAD", TAG): doubled}
    with serving(answers) as server:
        assert connect(server.host, http).digest(REPOSITORY, NEWEST) == PINNED


def test_a_token_that_expires_in_mid_list_is_renewed_and_the_list_goes_on(
    http: HttpClient,
) -> None:
    with serving(healthy()) as server:
        header = f'Bearer realm="http://{server.host}/token",service="shop"'
        refused = registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": header})
        second = f"{LIST}?last=1.0.0"
        server.answers |= {
            ("GET", "/token"): [json_answer({"token": "old"}), json_answer({"token": "new"})],
            ("GET", LIST): [refused, tag_list("1.0.0", following=second)],
            ("GET", second): [refused, tag_list("1.1.0", NEWEST)],
        }
        assert connect(server.host, http, ROBOT).tags(REPOSITORY) == VERSIONS
        sent = [each.header("Authorization") for each in server.asked("GET", LIST)]
        assert sent == [None, "Bearer old", "Bearer old", "Bearer new"]
        assert len(server.asked("GET", "/token")) == 2


def test_a_refusal_for_ever_ends_after_few_requests(http: HttpClient) -> None:
    """A robot that knocks for ever gets its account locked."""
    for name in ("401-for-ever", "tokens-for-ever"):
        (trouble,) = (each for each in TROUBLES if each.name == name)
        with serving(healthy()) as server:
            server.answers.update(trouble.answers(server.host))
            with pytest.raises(InputError, match="although the credential of user 'robot'"):
                connect(server.host, http, ROBOT).tags(REPOSITORY)
            assert len(server.asked("GET", LIST)) <= 3
            assert len(server.asked("GET", "/token")) <= 2


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
@pytest.mark.parametrize("kind", ["list", "second-page", "head", "manifest", "blob"])
def test_nothing_secret_travels_to_another_host(http: HttpClient, scheme: str, kind: str) -> None:
    """Whatever redirects, and although the other host asks for it in the same words."""
    places = {
        "list": ("GET", LIST),
        "second-page": ("GET", f"{LIST}?last=1.0.0"),
        "head": ("HEAD", TAG),
        "manifest": ("GET", PINNED_PATH),
        "blob": ("GET", f"/v2/{REPOSITORY}/blobs/{BLOB}"),
    }
    with serving({}) as thief, serving(healthy()) as server:
        asking = {"WWW-Authenticate": f'{scheme} realm="http://{{}}/token",service="shop"'}
        refused, stolen = (
            registry_error(401, "DENIED", {k: v.format(host) for k, v in asking.items()})
            for host in (server.host, thief.host)
        )
        moved = Answer(307, {"Location": f"http://{thief.host}/there?x=1"})
        token = json_answer({"token": f"token-of-{PASSWORD}"})
        server.answers["GET", "/token"] = thief.answers["GET", "/token"] = token
        second = places["second-page"]
        server.answers["GET", LIST] = [refused, tag_list("1.0.0", following=second[1])]
        server.answers[second] = tag_list("1.1.0", NEWEST)
        server.answers[places[kind]] = [refused, moved] if kind == "list" else moved
        thief.answers |= {(method, "/there"): stolen for method in ("GET", "HEAD")}
        registry = connect(server.host, http, ROBOT)
        with pytest.raises((InputError, TransientError)):
            look(registry)
        assert server.requests[-1].header("Authorization"), "it had proved itself before"
        assert thief.requests, "nobody was sent there"
        seen = "".join(f"{each.path}{dict(each.headers)}{each.body!r}" for each in thief.requests)
        assert "uthorization" not in seen
        assert "canary" not in seen
        assert not thief.asked("GET", "/token")


def test_a_realm_that_sends_on_gives_no_password_away(http: HttpClient) -> None:
    with serving({("GET", "/token"): json_answer({"token": "of-the-thief"})}) as thief:
        with serving(healthy()) as server:
            header = f'Bearer realm="http://{server.host}/token",service="shop"'
            refused = registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": header})
            server.answers |= {
                ("GET", LIST): refused,
                ("GET", "/token"): Answer(307, {"Location": f"http://{thief.host}/token"}),
            }
            with pytest.raises((InputError, TransientError)):
                connect(server.host, http, ROBOT).tags(REPOSITORY)
            assert server.asked("GET", "/token")[0].header("Authorization")
        assert all(each.header("Authorization") is None for each in thief.requests)


def test_a_message_that_is_cut_shows_no_part_of_a_secret(http: HttpClient) -> None:
    """A secret that is masked only where it stands as a whole is masked before the cut."""
    redaction.register(PASSWORD)
    for before in range(60, 110):
        text = "X" * before + PASSWORD
        answers: Made = {
            ("GET", LIST): registry_error(400, text),
            ("GET", PINNED_PATH): Answer(307, {"Location": f"gopher://{text}"}),
        }
        with serving(answers) as server:
            registry = connect(server.host, http)
            with pytest.raises(InputError, match="status 400") as caught:
                registry.tags(REPOSITORY)
            assert "canary" not in str(caught.value)
            with pytest.raises(InputError, match="redirects to what is not") as caught:
                registry.manifest(REPOSITORY, PINNED)
            assert "canary" not in str(caught.value)
        with pytest.raises(InputError, match="is not an http or https address") as told:
            origin_of(f"gopher://{text}")
        assert "canary" not in str(told.value)


def test_one_silent_registry_does_not_hold_up_another(hasty: HttpClient) -> None:
    with serving({("GET", LIST): Answer(silent=True)}) as silent, serving(healthy()) as well:
        done = threading.Event()

        def wait() -> None:
            with pytest.raises(TransientError):
                connect(silent.host, hasty).tags(REPOSITORY)
            done.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        assert connect(well.host, hasty).tags(REPOSITORY) == VERSIONS
        waiting.join(10)
        assert done.is_set()

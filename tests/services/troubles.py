"""Ways in which a registry misbehaves, each with the sentence that a user reads of it.

with serving({}) as server:
    server.answers.update(trouble.answers(server.host))

The registry holds `shop/api` at 1.0.0, 1.1.0 and 1.2.0, and is asked for the tags first, then for
the digest of the newest.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from promoter.registries.content import digest_of
from promoter.registries.images import Manifest, build_image
from promoter.registries.media_types import OCI_MANIFEST
from tests.services.misbehaving import (
    JSON,
    Answer,
    Request,
    Told,
    json_answer,
    registry_error,
    web_page,
)
from tests.services.registry import SOME_DAY

REPOSITORY = "shop/api"
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
NEWEST = VERSIONS[-1]
LIST = f"/v2/{REPOSITORY}/tags/list"
TAG = f"/v2/{REPOSITORY}/manifests/{NEWEST}"
WORD = "of-the-robot-4c1e"
"""A part of what the user's password is made of; nobody but the registry may see it."""

Made = dict[tuple[str, str], Told]


@dataclass(frozen=True)
class Trouble:
    """`answers` by the server's `host:port` lie over those of a healthy registry. `later`: it may
    pass by itself; else a person must do something. `{host}` in the sentence is the server, where
    it is not the name that the image has."""

    name: str
    answers: Callable[[str], Made]
    later: bool
    sentence: str


def image(version: str) -> Manifest:
    return build_image(SOME_DAY, {"version": version}).top


def healthy() -> Made:
    """A registry that does everything right."""
    answers: Made = {("GET", LIST): tag_list(*VERSIONS)}
    for version in VERSIONS:
        built = build_image(SOME_DAY, {"version": version})
        for method in ("HEAD", "GET"):
            for reference in (version, built.digest):
                path = f"/v2/{REPOSITORY}/manifests/{reference}"
                answers[method, path] = whole(built.top)
            for digest, data in built.blobs.items():
                answers[method, f"/v2/{REPOSITORY}/blobs/{digest}"] = Answer(200, {}, data)
    return answers


def tag_list(*tags: str, following: str = "") -> Answer:
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    return json_answer({"name": REPOSITORY, "tags": list(tags)}, 200, headers)


def whole(manifest: Manifest) -> Answer:
    headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": manifest.digest}
    return Answer(200, headers, manifest.data)


def of_list(name: str, answer: Told, sentence: str, *, later: bool = True) -> Trouble:
    """Every list of tags is answered so."""
    return Trouble(name, lambda _: {("GET", LIST): answer}, later, sentence)


def of_digest(name: str, answer: Answer, sentence: str, *, later: bool = True) -> Trouble:
    """The list is right; HEAD leaves the newest tag's digest open, and GET answers so."""
    answers: Made = {("HEAD", TAG): Answer(200, {"Content-Type": OCI_MANIFEST})}
    return Trouble(name, lambda _: {**answers, ("GET", TAG): answer}, later, sentence)


def of_second_page(name: str, answer: Answer, sentence: str, *, later: bool = True) -> Trouble:
    """The list begins well, and goes on so."""

    def answers(_: str) -> Made:
        second = f"{LIST}?last=1.0.0"
        return {("GET", LIST): tag_list("1.0.0", following=second), ("GET", second): answer}

    return Trouble(name, answers, later, sentence)


def _redirects(place: str) -> Answer:
    return Answer(307, {"Location": place})


def _endless(request: Request) -> Answer:
    """One page after the other, each with a tag and a next one."""
    number = int(request.path.rpartition("last=0.0.")[2] or 0) if "last" in request.path else 0
    return tag_list(f"0.0.{number}", following=f"{LIST}?last=0.0.{number + 1}")


def _changing(headers: Mapping[str, str], **changes: object) -> Answer:
    """The newest manifest with other headers or another body."""
    right = whole(image(NEWEST))
    told = {**right.headers, **headers}
    return replace(right, headers=told, **changes)  # type: ignore[arg-type]


def _basic() -> Answer:
    return registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="shop"'})


def _bearer(host: str) -> Made:
    """Every token is refused, and there is always another one."""
    header = f'Bearer realm="http://{host}/token",service="shop"'
    refused = registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": header})
    tokens = [json_answer({"token": f"token-{n}", "expires_in": 300}) for n in range(20)]
    return {("GET", LIST): refused, ("GET", "/token"): tokens}


def _bearer_broken_off(host: str) -> Made:
    """The token is good for the first page, and no token is for the second one."""
    asked = _bearer(host)
    second = f"{LIST}?last=1.0.0"
    refused = asked["GET", LIST]
    assert isinstance(refused, Answer)
    first = [refused, tag_list("1.0.0", following=second)]
    return {**asked, ("GET", LIST): first, ("GET", second): refused}


_FULL = json.dumps({"name": REPOSITORY, "tags": VERSIONS}).encode()
_ERRORS = {"errors": [{"code": "UNAVAILABLE", "message": "the database is down"}]}
_BOMB = Answer(
    200,
    {"Content-Type": JSON, "Content-Encoding": "gzip"},
    gzip.compress(b'{"tags":["' + bytes(64 << 20)),
)
_CHUNK = b"100000\r\n" + b'{"tags": ["1.2.0' + bytes((1 << 20) - 16) + b"\r\n"
_HUGE_LIST = Answer(200, {"Content-Type": JSON, "Transfer-Encoding": "chunked"}, _CHUNK, times=3072)
_HUGE_MANIFEST = _changing({}, body=bytes(1 << 20), times=3072)

TROUBLES = (
    of_list("silent", Answer(silent=True), "{host} did not answer in time"),
    of_list("dripping", Answer(dripping=True), "{host} did not finish its answer in time"),
    of_list("dripping-head", Answer(dripping_head=True), "{host} did not answer in time"),
    of_list("half-a-body", Answer(200, {}, _FULL, truncated=True), "{host} broke off the conn"),
    of_list("reset", Answer(200, {}, _FULL, reset=True), "{host} broke off the connection"),
    of_list(
        "body-longer-than-told",
        Answer(200, {"Content-Type": JSON, "Content-Length": "20"}, _FULL),
        "tag list of 'shop/api' is damaged",
    ),
    of_list(
        "body-shorter-than-told",
        Answer(200, {"Content-Type": JSON, "Content-Length": "9999"}, _FULL, truncated=True),
        "{host} broke off the connection",
    ),
    of_list(
        "two-lengths",
        Answer(200, {"Content-Length": str(len(_FULL))}, _FULL, again=[("Content-Length", "7")]),
        "{host} ",
    ),
    of_list(
        "chunk-of-nonsense", Answer(200, {"Transfer-Encoding": "chunked"}, b"zz\r\n"), "{host}"
    ),
    of_list("other-encoding", _changing({"Content-Encoding": "gzip"}), "{host} "),
    of_list("gzip-bomb", _BOMB, "{host}: the answer is larger than 16,777,216", later=False),
    of_list("3-gb-list", _HUGE_LIST, "{host}: the answer is larger than 16,777,216", later=False),
    of_list("429", Answer(429), "{host} asks for fewer requests (429)"),
    of_list(
        "429-with-a-wait",
        Answer(429, {"Retry-After": "7200"}),
        "{host} asks for fewer requests (429); it asks to wait 7200 s",
    ),
    of_list("500", Answer(500), "{host} is in trouble (500)"),
    of_list("503-page", web_page(503), "{host} is in trouble (503)"),
    of_list("401-for-ever", _basic(), "refuses 'shop/api' (401)", later=False),
    Trouble("tokens-for-ever", _bearer, False, "refuses 'shop/api' (401)"),
    Trouble("expired-in-mid-list", _bearer_broken_off, False, "refuses 'shop/api' (401)"),
    of_list("403", registry_error(403, "DENIED"), "refuses 'shop/api' (403)", later=False),
    of_list("html", web_page(), "did not answer as a registry (200, text/html)", later=False),
    of_list("html-404", web_page(404), "did not answer as a registry (404,", later=False),
    of_list("204", Answer(204), "can't answer for 'shop/api': status 204", later=False),
    of_list("304-unasked", Answer(304), "status 304", later=False),
    of_list("error-as-200", json_answer(_ERRORS), "tag list of 'shop/api' is damaged"),
    of_list("list-as-text", json_answer(["1.2.0"]), "tag list of 'shop/api' is damaged"),
    of_list("numbers-as-tags", json_answer({"tags": [1.2]}), "tag list of 'shop/api' is damaged"),
    of_list("redirect-loop", _redirects(LIST), "{host} redirects more than 5 times", later=False),
    of_list("redirect-to-nothing", Answer(302), "{host} redirects without saying where to"),
    of_list(
        "redirect-to-a-file",
        _redirects("file:///etc/passwd"),
        "{host} redirects to what is not",
        later=False,
    ),
    of_second_page("second-page-500", Answer(500), "{host} is in trouble (500)"),
    of_second_page("second-page-reset", Answer(200, {}, _FULL, reset=True), "{host} broke off"),
    of_second_page("second-page-html", web_page(), "did not answer as a registry", later=False),
    of_second_page(
        "second-page-gone", registry_error(404, "NAME_UNKNOWN"), "'shop/api'", later=False
    ),
    of_list("pages-in-a-circle", tag_list("1.0.0", following=LIST), "never end"),
    of_list("endless-pages", _endless, "never end"),
    of_digest(
        "wrong-digest",
        _changing({"Docker-Content-Digest": digest_of(b"another")}),
        "1.2.0: digest mismatch",
        later=False,
    ),
    of_digest("3-gb-manifest", _HUGE_MANIFEST, "larger than 4,194,304 bytes", later=False),
    of_digest("half-a-manifest", _changing({}, truncated=True), "{host} broke off the connection"),
    of_digest("manifest-of-html", web_page(), "did not answer as a registry", later=False),
    of_digest("manifest-of-errors", json_answer(_ERRORS), "1.2.0", later=False),
    of_digest("manifest-500", Answer(500), "{host} is in trouble (500)"),
)

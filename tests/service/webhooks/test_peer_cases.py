"""What comparable projects read from the same payloads, case by case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promoter.service.webhooks.nudge import ImagePushed, Nudge
from promoter.service.webhooks.payload import MalformedError, load
from promoter.service.webhooks.sources import SOURCES
from tests.needs import SHARED, need

_FOLDER = SHARED / "peer-cases" / "webhooks"
_ARGO = _FOLDER / "argocd-image-updater"
_KEEL = _FOLDER / "keel"
_CDEVENTS = SHARED / "peer-cases" / "cdevents" / "conformance"

_SOURCES = {"docker": "docker-hub", "ghcr": "github", "aliyun_acr": "aliyun-acr"}

_OURS: dict[str, list[Nudge]] = {
    # Deletions, packages of other kinds and events of other systems are no mistake of the
    # sender's: an error would make it send them again.
    "unsupported event type": [],
    "non-push action is ignored": [],
    "non-container package type should be ignored": [],
    # A tag that is moved to another image is an update: it is what `select: {tag: ...}` waits for.
    "non-published action should be ignored": [ImagePushed("myuser/myapp", "ghcr.io", "v1.0.0")],
    # Rules follow tags, and each part of a multi-platform image is pushed by digest before its tag.
    "digest-only push with empty tag": [],
    # A repository of one name lies in `library`; that is how images are compared.
    "valid payload with only name": [ImagePushed("library/myapp", "docker.io", "v2.0.0")],
    # A host that is not told is not guessed: the look does not need it.
    "valid PUSH_ARTIFACT payload with only name": [ImagePushed("myapp", None, "v2.0.0")],
    "empty docker_url falls back to quay.io": [
        ImagePushed("mynamespace/repository", None, "latest")
    ],
    "missing docker_url falls back to quay.io": [
        ImagePushed("mynamespace/repository", None, "latest")
    ],
    "priority: query parameter": [ImagePushed("ns/app", None, "v1")],
    "priority: region-based": [ImagePushed("ns/app", None, "v1")],
    # Nor can a path have upper case where it is pulled.
    "full payload from user example": [ImagePushed("namespace/repotest", None, "latest")],
    # Each of the tags is looked at.
    "valid payload with multiple tags": [
        ImagePushed("mynamespace/repository", "quay.io", "latest"),
        ImagePushed("mynamespace/repository", "quay.io", "v1.0"),
    ],
}


def _cases(folder: Path) -> list[Any]:
    files = sorted(folder.glob("*.json")) if folder.exists() else []
    return [
        pytest.param(file.name.partition("__")[0], case, id=f"{file.stem}: {case['name']}")
        for file in files
        for case in json.loads(file.read_text("utf-8"))
    ]


def _read(source: str, body: bytes) -> list[Nudge]:
    headers = {"x-github-event": "package"} if source == "github" else {}
    return list(SOURCES[source].read(headers, load(body)))


def test_all_of_them_are_looked_at() -> None:
    need("shared/peer-cases/webhooks")
    assert len(_cases(_ARGO)) == 63
    assert len(list(_KEEL.iterdir())) == len(_KEEL_EXPECTED)


@pytest.mark.parametrize(("peer", "case"), _cases(_ARGO))
def test_argocd_image_updater(peer: str, case: dict[str, Any]) -> None:
    payload = case["payload"]
    body = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    source = _SOURCES.get(peer, peer)
    ours = _OURS.get(case["name"])
    if ours is not None:
        assert _read(source, body) == ours
        return
    if case.get("expectError") or case.get("wantErr"):
        with pytest.raises(MalformedError):
            _read(source, body)
        return
    told = {key.lower().removeprefix("expected").removeprefix("want"): case[key] for key in case}
    (nudge,) = _read(source, body)
    assert isinstance(nudge, ImagePushed)
    assert nudge.path == (told.get("repo") or told.get("repository"))
    assert nudge.tag == told["tag"]
    host = told.get("registryurl") or told.get("registry") or told.get("url")
    if host:
        assert nudge.host == host


_KEEL_EXPECTED: dict[str, tuple[str, list[Nudge] | None]] = {
    "azure__fakeAzureWebhook": (
        "acr",
        [ImagePushed("hello-world", "myregistry.azurecr.io", "v1")],
    ),
    "dockerhub__fakeRequest": ("docker-hub", [ImagePushed("karolisr/keel", "docker.io", "0.1.7")]),
    "github__fakeGithubContainerRegistryWebhook": (
        "github",
        [ImagePushed("utaitebox/utaitebox-server", "ghcr.io", "3.2.1")],
    ),
    "github__fakeGithubPackageWebhook": (
        "github",
        [ImagePushed("dingggu/utaitebox/server", "ghcr.io", "1.2.3")],
    ),
    "harbor__fakeHarborWebhook": (
        "harbor",
        [ImagePushed("library/ai-rag", "harbor.mydomain.com", "1.2.3")],
    ),
    # The peer takes the tag of resource_url; the field `tag` is the one that says it.
    "harbor__fakeHarborWebhook2": (
        "harbor",
        [ImagePushed("mynamespace/repository", "quay.io", "latest")],
    ),
    "harbor__fakeHarborWebhookMalformed": ("harbor", None),
    # Images may be called by either name.
    "jfrog__fakeJfrogWebhook": (
        "jfrog",
        [
            ImagePushed("docker-remote-cache/library/ubuntu", "example.jfrog.io", "latest"),
            ImagePushed("library/ubuntu", None, "latest"),
        ],
    ),
    "quay__fakeQuayWebhook": ("quay", [ImagePushed("mynamespace/repository", "quay.io", "1.2.3")]),
    "registry__fakeRegistryNotificationWebhook": (
        "distribution",
        [ImagePushed("foo/bar", "registry.git.erxes.io", "1.6.1")],
    ),
}


@pytest.mark.parametrize("name", _KEEL_EXPECTED)
def test_keel(name: str) -> None:
    file = need("shared/peer-cases/webhooks") / "keel" / f"{name}.json"
    source, expected = _KEEL_EXPECTED[name]
    if expected is None:
        with pytest.raises(MalformedError):
            _read(source, file.read_bytes())
    else:
        assert _read(source, file.read_bytes()) == expected


def test_cdevents_of_every_kind_are_read_without_a_complaint() -> None:
    """Those of the conformance suite are about a Go module: nothing of ours. With an image in its
    place, three kinds say that there is something to look at."""
    folder = need("shared/peer-cases/cdevents") / "conformance"
    purl = "pkg:oci/web@sha256%3A4a?repository_url=ghcr.io/shop/web&tag=1.2"
    told = set()
    for file in folder.iterdir():
        event = json.loads(file.read_bytes())
        assert _read("cdevents", file.read_bytes()) == []
        event["subject"]["id"] = purl
        if _read("cdevents", json.dumps(event).encode()) == [
            ImagePushed("shop/web", "ghcr.io", "1.2")
        ]:
            told.add(file.stem)
    assert told == {"artifact_packaged", "artifact_published", "artifact_signed"}

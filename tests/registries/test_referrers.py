"""What refers to an image: by the API, by the fallback tag, in a layout and in a real registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promoter.access.http import HttpClient
from promoter.errors import InputError, PromoterError, TransientError
from promoter.model.ports import Referrer
from promoter.registries.content import digest_of
from promoter.registries.distribution import DistributionRegistry
from promoter.registries.layout import LayoutRegistry, blob_file
from promoter.registries.layout_writer import write_image
from promoter.registries.media_types import OCI_INDEX, OCI_MANIFEST
from promoter.registries.referrers import fallback_tag
from tests.services.artifacts import build_referrer, referrer_entry
from tests.services.misbehaving import (
    Answer,
    Server,
    json_answer,
    registry_error,
    serving,
    web_page,
)
from tests.services.registry import SOME_DAY, RunningRegistry

SUBJECT = digest_of(b"an image")
TAG = f"sha256-{SUBJECT[7:]}"
API = f"/v2/x/referrers/{SUBJECT}"
TAGGED = f"/v2/x/manifests/{TAG}"
SBOM = "application/spdx+json"
INDEX = {"Content-Type": OCI_INDEX}
NO_API = registry_error(404, "UNSUPPORTED")


def entry(name: str, kind: str = SBOM, **annotations: str) -> dict[str, object]:
    return {
        "mediaType": OCI_MANIFEST,
        "digest": digest_of(name.encode()),
        "size": 1,
        "artifactType": kind,
        "annotations": annotations,
    }


def referrer(name: str, kind: str = SBOM, **annotations: str) -> Referrer:
    return Referrer(
        digest_of(name.encode()), OCI_MANIFEST, kind, tuple(sorted(annotations.items()))
    )


def index(*entries: object, link: str | None = None) -> Answer:
    headers = {"Content-Type": OCI_INDEX, **({"Link": f'<{link}>; rel="next"'} if link else {})}
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return Answer(200, headers, json.dumps(body).encode())


def referrers(server: Server, http: HttpClient) -> tuple[Referrer, ...]:
    return DistributionRegistry(server.host, http, plain_http=True).referrers("x", SUBJECT)


def test_the_api_is_read_page_by_page(http: HttpClient) -> None:
    pages = {
        ("GET", API): index(entry("a", by="ci"), entry("b", "x/y"), link=f"{API}?page=2"),
        ("GET", f"{API}?page=2"): index(entry("b", "x/y"), entry("c"), link="?page=3"),
        ("GET", f"{API}?page=3"): json_answer({"manifests": None}),
    }
    with serving(pages) as server:
        found = (referrer("a", by="ci"), referrer("b", "x/y"), referrer("c"))
        assert referrers(server, http) == found
        assert len(server.requests) == 3


def test_nothing_refers_to_it(http: HttpClient) -> None:
    with serving({("GET", API): index()}) as server:
        assert referrers(server, http) == ()
    unknown = registry_error(404, "MANIFEST_UNKNOWN")
    with serving({("GET", API): NO_API, ("GET", TAGGED): unknown}) as server:
        assert referrers(server, http) == ()


@pytest.mark.parametrize(
    "refusal",
    [
        NO_API,
        Answer(404, {}, b"404 page not found"),
        Answer(405),
        Answer(406),
        web_page(404),
        web_page(),
        json_answer({"manifests": []}),
    ],
)
def test_without_the_api_a_tag_lists_them(http: HttpClient, refusal: Answer) -> None:
    with serving({("GET", API): refusal, ("GET", TAGGED): index(entry("a"))}) as server:
        assert referrers(server, http) == (referrer("a"),)


def test_the_tag_of_a_long_digest_is_cut() -> None:
    assert fallback_tag(SUBJECT) == TAG
    assert fallback_tag(f"sha512:{'a' * 128}") == f"sha512-{'a' * 64}"


@pytest.mark.parametrize(
    ("answers", "error", "message"),
    [
        ({API: Answer(500)}, TransientError, "is in trouble"),
        ({API: registry_error(403, "DENIED")}, InputError, "refuses 'x'"),
        ({API: web_page(), TAGGED: web_page()}, InputError, "did not answer as a registry"),
        ({API: Answer(200, INDEX, b"{}")}, InputError, "is no image index"),
        ({API: index(1)}, InputError, "is no image index"),
        ({API: index({"digest": "sha256:x"})}, InputError, "an entry without a valid digest"),
        ({API: index(*[{}] * 10_001)}, InputError, "more than 10,000 entries"),
        ({API: index(link=API)}, TransientError, "never ends"),
        ({API: index(link=f"{API}?p=2"), f"{API}?p=2": Answer(404)}, TransientError, "breaks off"),
        ({API: index(link="http://registry.invalid/x")}, InputError, "at another address"),
        ({API: NO_API, TAGGED: Answer(500)}, TransientError, "is in trouble"),
        ({API: NO_API, TAGGED: json_answer({"schemaVersion": 2})}, InputError, "is no image index"),
        ({API: NO_API, TAGGED: registry_error(404, "NAME_UNKNOWN")}, InputError, "no repository"),
    ],
)
def test_trouble_is_never_nothing(
    http: HttpClient, answers: dict[str, Answer], error: type[PromoterError], message: str
) -> None:
    told = {("GET", path): answer for path, answer in answers.items()}
    with serving(told) as server, pytest.raises(error, match=message):
        referrers(server, http)


def test_a_tag_that_names_other_bytes_is_not_used(http: HttpClient) -> None:
    lying = index(entry("a"))
    lying = Answer(200, {**lying.headers, "Docker-Content-Digest": digest_of(b"x")}, lying.body)
    with (
        serving({("GET", API): NO_API, ("GET", TAGGED): lying}) as server,
        pytest.raises(InputError, match="digest mismatch"),
    ):
        referrers(server, http)


def test_a_real_registry_without_the_api_has_the_tag(
    open_registry: RunningRegistry, http: HttpClient
) -> None:
    digest = open_registry.push_image("referred/web", "1")
    registry = DistributionRegistry(open_registry.host, http, plain_http=True)
    assert registry.referrers("referred/web", digest) == ()

    sbom = build_referrer(digest, SBOM, {"by": "ci"})
    open_registry.push("referred/web", "sbom", sbom)
    listed = referrer_entry(sbom, SBOM, {"by": "ci"})
    data = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed]}).encode()
    open_registry.push_manifest("referred/web", fallback_tag(digest), OCI_INDEX, data)
    assert registry.referrers("referred/web", digest) == (
        Referrer(sbom.digest, OCI_MANIFEST, SBOM, (("by", "ci"),)),
    )


def test_a_layout_has_the_tag_and_subjects(tmp_path: Path) -> None:
    digest = write_image(tmp_path, "x", "1", created=SOME_DAY, labels={})
    registry = LayoutRegistry(tmp_path)
    assert registry.referrers("x", digest) == ()

    layout = tmp_path / "x"
    sbom, signature = build_referrer(digest, SBOM, {"by": "ci"}), build_referrer(digest, "a/sig")
    tagged = json.dumps({"manifests": [referrer_entry(sbom, SBOM, {"by": "ci"})]}).encode()
    for data in (tagged, sbom.top.data, signature.top.data):
        blob_file(layout, digest_of(data)).write_bytes(data)
    file = layout / "index.json"
    content = json.loads(file.read_text())
    content["manifests"] += [
        {
            "mediaType": OCI_INDEX,
            "digest": digest_of(tagged),
            "annotations": {"org.opencontainers.image.ref.name": fallback_tag(digest)},
        },
        {"mediaType": OCI_MANIFEST, "digest": sbom.digest},
        {"mediaType": OCI_MANIFEST, "digest": signature.digest},
    ]
    file.write_text(json.dumps(content))
    assert registry.referrers("x", digest) == (
        Referrer(sbom.digest, OCI_MANIFEST, SBOM, (("by", "ci"),)),
        Referrer(signature.digest, OCI_MANIFEST, "a/sig", ()),
    )
    assert registry.referrers("x", sbom.digest) == ()

    blob_file(layout, digest_of(tagged)).unlink()
    with pytest.raises(InputError, match=r"index\.json: lists referrers that are missing"):
        registry.referrers("x", digest)

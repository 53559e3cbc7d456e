"""What is kept by digest is not read again, and is never taken for what is still there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from promoter.access.http import HttpClient
from promoter.registries.content import digest_of
from promoter.registries.details import read_details
from promoter.registries.distribution import DistributionRegistry
from promoter.registries.images import BuiltImage, build_image
from promoter.registries.store import ContentStore
from tests.services.misbehaving import Answer, Server, json_answer, registry_error, serving
from tests.services.registry import SOME_DAY

SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
TWO = ("linux/amd64", "linux/arm64/v8")


def put(server: Server, repository: str, tag: str, image: BuiltImage) -> None:
    """Serve an image under a tag, with HEAD."""
    for manifest in image.manifests:
        headers = {"Content-Type": manifest.media_type, "Docker-Content-Digest": manifest.digest}
        answer = Answer(200, headers, manifest.data)
        for method in ("GET", "HEAD"):
            server.answers[method, f"/v2/{repository}/manifests/{manifest.digest}"] = answer
            server.answers[method, f"/v2/{repository}/manifests/{tag}"] = answer
    for digest, data in image.blobs.items():
        server.answers["GET", f"/v2/{repository}/blobs/{digest}"] = Answer(200, {}, data)


def ask(server: Server, http: HttpClient, store: ContentStore | None) -> DistributionRegistry:
    return DistributionRegistry(server.host, http, plain_http=True, store=store)


def methods(server: Server) -> Counter[str]:
    return Counter(request.method for request in server.requests)


def test_a_second_process_reads_1_000_tags_with_one_head_each(
    http: HttpClient, tmp_path: Path
) -> None:
    images = [build_image(SOME_DAY, {"n": f"{n}"}) for n in range(1000)]
    with serving({}) as server:
        for n, image in enumerate(images):
            put(server, "x", f"v{n}", image)

        def look(registry: DistributionRegistry) -> None:
            for n, image in enumerate(images):
                digest = registry.digest("x", f"v{n}")
                assert digest == image.digest
                details = read_details(registry, "x", digest)
                assert details is not None
                assert details.labels == (("n", f"{n}"),)

        look(ask(server, http, ContentStore(tmp_path)))
        assert methods(server) == {"HEAD": 1000, "GET": 2000}
        server.requests.clear()
        look(ask(server, http, ContentStore(tmp_path)))
        assert methods(server) == {"HEAD": 1000}


def test_an_index_costs_its_images_once(http: HttpClient) -> None:
    image = build_image(SOME_DAY, {"a": "b"}, TWO)
    with serving({}) as server:
        put(server, "x", "1", image)
        registry = ask(server, http, ContentStore())
        first = read_details(registry, "x", image.digest)
        assert first is not None
        assert first.platforms == ("linux/amd64", "linux/arm64")
        assert methods(server) == {"GET": 5}
        assert read_details(registry, "x", image.digest) == first
        assert methods(server) == {"GET": 5}


def test_what_was_deleted_is_gone_though_it_is_kept(http: HttpClient, tmp_path: Path) -> None:
    """A fresh process, which has nothing kept, must decide the same."""
    image = build_image(SOME_DAY, {})
    with serving({}) as server:
        put(server, "x", "1", image)
        read_details(ask(server, http, ContentStore(tmp_path)), "x", image.digest)
        server.requests.clear()
        again = ask(server, http, ContentStore(tmp_path))
        assert read_details(again, "x", image.digest) is not None
        assert methods(server) == {"HEAD": 1}, "asked whether it is there, and not what it is"

        gone = f"/v2/x/manifests/{image.digest}"
        server.answers |= {
            ("HEAD", gone): Answer(404),
            ("GET", gone): registry_error(404, "MANIFEST_UNKNOWN"),
        }
        assert read_details(ask(server, http, ContentStore(tmp_path)), "x", image.digest) is None


def test_one_repository_says_nothing_of_another(http: HttpClient) -> None:
    """Who may read one of them may not learn what a digest of the other one names."""
    image = build_image(SOME_DAY, {"secret": "yes"})
    config = image.top.data
    with serving({}) as server:
        put(server, "private", "1", image)
        put(server, "public", "1", image)
        unknown = registry_error(404, "BLOB_UNKNOWN")
        for digest in image.blobs:
            server.answers["GET", f"/v2/public/blobs/{digest}"] = unknown
        registry = ask(server, http, ContentStore())
        assert read_details(registry, "private", image.digest) is not None
        assert registry.manifest("public", image.digest) == config
        assert all(registry.blob("public", digest) is None for digest in image.blobs)


def test_kept_content_that_is_damaged_is_read_again(http: HttpClient, tmp_path: Path) -> None:
    image = build_image(SOME_DAY, {"a": "b"})
    with serving({}) as server:
        put(server, "x", "1", image)
        details = read_details(ask(server, http, ContentStore(tmp_path)), "x", image.digest)
        for file in tmp_path.glob("*/*"):
            file.write_bytes(b"damaged")
        again = ask(server, http, ContentStore(tmp_path))
        assert read_details(again, "x", image.digest) == details


# HEAD, and what to do where it says nothing


@pytest.mark.parametrize("status", [200, 400, 403, 404, 405])
def test_where_head_says_nothing_get_soon_comes_first(http: HttpClient, status: int) -> None:
    images = [build_image(SOME_DAY, {"n": f"{n}"}) for n in range(6)]
    with serving({}) as server:
        for n, image in enumerate(images):
            put(server, "x", f"v{n}", image)
            server.answers["HEAD", f"/v2/x/manifests/v{n}"] = Answer(status)
        registry = ask(server, http, None)
        assert [registry.digest("x", f"v{n}") for n in range(6)] == [i.digest for i in images]
        assert methods(server) == {"HEAD": 3, "GET": 6}


def test_an_absent_tag_does_not_make_head_useless(http: HttpClient) -> None:
    image = build_image(SOME_DAY, {})
    with serving({}) as server:
        put(server, "x", "1", image)
        for n in range(9):
            path = f"/v2/x/manifests/gone-{n}"
            server.answers["GET", path] = registry_error(404, "MANIFEST_UNKNOWN")
        registry = ask(server, http, None)
        assert [registry.digest("x", f"gone-{n}") for n in range(9)] == [None] * 9
        server.requests.clear()
        assert registry.digest("x", "1") == image.digest
        assert methods(server) == {"HEAD": 1}


def test_a_tag_by_get_is_asked_conditionally(http: HttpClient) -> None:
    old, new = build_image(SOME_DAY, {}), build_image(SOME_DAY, {"new": "yes"})
    whole = Answer(200, {"ETag": f'"{old.digest}"'}, old.top.data)
    path = "/v2/x/manifests/1"
    with serving({("HEAD", path): Answer(405)}) as server:
        server.answers["GET", path] = [whole, Answer(304), replace(whole, body=new.top.data)]
        registry = ask(server, http, None)
        digests = [registry.digest("x", "1") for _ in range(3)]
        assert digests == [old.digest, old.digest, new.digest]
        sent = [request.header("If-None-Match") for request in server.asked("GET", path)]
        assert sent == [None, f'"{old.digest}"', f'"{old.digest}"']


def test_what_a_registry_converted_to_schema_1_has_no_digest_by_head(http: HttpClient) -> None:
    image = build_image(SOME_DAY, {})
    other = {"Content-Type": SCHEMA_1, "Docker-Content-Digest": digest_of(b"converted")}
    with serving({}) as server:
        put(server, "x", "1", image)
        server.answers["HEAD", "/v2/x/manifests/1"] = Answer(200, other)
        assert ask(server, http, None).digest("x", "1") == image.digest


def test_a_chart_without_a_media_type_is_read(http: HttpClient) -> None:
    kind = "application/vnd.cncf.helm.config.v1+json"
    chart = json_answer(
        {
            "schemaVersion": 2,
            "config": {"mediaType": kind, "digest": digest_of(b"c"), "size": 1},
            "annotations": {"org.opencontainers.image.created": "2026-11-03T09:30:00Z"},
        }
    )
    digest = digest_of(chart.body)
    with serving({("GET", f"/v2/x/manifests/{digest}"): chart}) as server:
        details = read_details(ask(server, http, None), "x", digest)
    assert details is not None
    assert (details.created, details.platforms) == (SOME_DAY, ())

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.access.http import HttpClient
from promoter.errors import InputError, TransientError
from promoter.model.ports import ImageDetails, Referrer
from promoter.registries.content import digest_of
from promoter.registries.details import parse_time, read_details
from promoter.registries.distribution import DistributionRegistry
from promoter.registries.images import Flavour
from promoter.registries.layout import LayoutRegistry
from promoter.registries.layout_writer import write_image
from promoter.registries.media_types import DOCKER_INDEX, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from tests.services.registry import SOME_DAY, RunningRegistry

REVISION = "org.opencontainers.image.revision"
CREATED = "org.opencontainers.image.created"


@dataclass
class Shelf:
    """A registry of exactly the contents that a test puts there, damaged ones too."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def put(self, content: object) -> str:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.contents[digest_of(data)] = data
        return digest_of(data)

    def image(
        self,
        config: Mapping[str, object],
        annotations: Mapping[str, str] | None = None,
        kind: str = OCI_CONFIG,
    ) -> str:
        descriptor = {"mediaType": kind, "digest": self.put(config)}
        return self.put(
            {"mediaType": OCI_MANIFEST, "config": descriptor, "annotations": annotations}
        )

    def index(self, *entries: Mapping[str, object], **more: object) -> str:
        return self.put({"mediaType": OCI_INDEX, "manifests": entries, **more})

    def tags(self, repository: str) -> tuple[str, ...]:
        return ()

    def digest(self, repository: str, tag: str) -> str | None:
        return None

    def manifest(self, repository: str, digest: str) -> bytes | None:
        return self.contents.get(digest)

    def blob(self, repository: str, digest: str) -> bytes | None:
        return self.contents.get(digest)

    def referrers(self, repository: str, digest: str) -> tuple[Referrer, ...]:
        return ()


def config(created: str | None = "2026-11-03T09:30:00Z", **labels: str) -> dict[str, object]:
    return {
        "os": "linux",
        "architecture": "amd64",
        "created": created,
        "config": {"Labels": labels or None},
    }


@pytest.mark.parametrize("flavour", ["oci", "docker"])
def test_details_of_real_images(
    open_registry: RunningRegistry, http: HttpClient, flavour: Flavour
) -> None:
    labels = {REVISION: "abc", "team": "shop"}
    one = open_registry.push_image("details/web", "1", labels=labels, flavour=flavour)
    several = open_registry.push_image(
        "details/web",
        "2",
        labels=labels,
        platforms=("linux/amd64", "linux/arm64/v8"),
        flavour=flavour,
    )
    registry = DistributionRegistry(open_registry.host, http, plain_http=True)
    sorted_labels = ((REVISION, "abc"), ("team", "shop"))
    assert read_details(registry, "details/web", one) == ImageDetails(
        SOME_DAY, sorted_labels, ("linux/amd64",)
    )
    assert read_details(registry, "details/web", several) == ImageDetails(
        SOME_DAY, sorted_labels, ("linux/amd64", "linux/arm64")
    )
    assert read_details(registry, "details/web", digest_of(b"nothing")) is None


def test_details_of_an_image_in_a_layout(tmp_path: Path) -> None:
    created = datetime(2026, 11, 3, 10, 30, 0, 123456, timezone(timedelta(hours=1)))
    digest = write_image(tmp_path, "shop/web", "1", created=created, labels={"a": "b"})
    details = read_details(LayoutRegistry(tmp_path), "shop/web", digest)
    assert details == ImageDetails(created, (("a", "b"),), ("linux/amd64",))
    assert details.created is not None
    assert details.created.tzinfo is UTC


def test_an_index_has_its_newest_time_its_first_labels_and_no_attestations() -> None:
    shelf = Shelf()
    digest = shelf.index(
        {
            "digest": shelf.put({}),
            "platform": {"os": "unknown", "architecture": "unknown"},
        },
        {"digest": shelf.image(config("2026-11-03T09:30:00Z", first="yes"))},
        {
            "digest": shelf.image(config("2026-11-03T09:31:00Z", first="no")),
            "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
        },
        {
            "digest": digest_of(b"left out by a mirror"),
            "platform": {"os": "w", "architecture": "x"},
        },
        {
            "digest": shelf.put({"x": 1}),
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        },
    )
    assert read_details(shelf, "x", digest) == ImageDetails(
        datetime(2026, 11, 3, 9, 31, tzinfo=UTC),
        (("first", "yes"),),
        ("linux/amd64", "linux/arm/v7", "w/x"),
    )


def test_annotations_fill_what_the_config_lacks() -> None:
    shelf = Shelf()
    annotations = {REVISION: "annotated", CREATED: "2026-11-04T00:00:00Z", "com.example.x": "no"}
    labelled = shelf.image({**config(None), "config": {"Labels": {REVISION: "own"}}}, annotations)
    details = read_details(shelf, "x", labelled)
    assert details is not None
    assert details.created == datetime(2026, 11, 4, tzinfo=UTC)
    assert details.label(REVISION) == "own"
    assert details.label("com.example.x") is None

    whole = shelf.index({"digest": shelf.image(config(None))}, annotations=annotations)
    details = read_details(shelf, "x", whole)
    assert details is not None
    assert details.created == datetime(2026, 11, 4, tzinfo=UTC)
    assert details.label(REVISION) == "annotated"

    chart = shelf.image({}, annotations, "application/vnd.cncf.helm.config.v1+json")
    details = read_details(shelf, "x", chart)
    assert details is not None
    assert (details.created, details.platforms) == (datetime(2026, 11, 4, tzinfo=UTC), ())


@pytest.mark.parametrize(
    "made_up",
    [
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:01Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1980-01-01T00:00:01Z",
        "yesterday",
        "2026-13-01T00:00:00Z",
        "2026-11-03",
        "2026-11-03T09:30:00",
        "",
        None,
        7,
    ],
)
def test_a_time_that_was_made_up_is_no_time(made_up: str | int | None) -> None:
    shelf = Shelf()
    details = read_details(shelf, "x", shelf.image({**config(), "created": made_up}))
    assert details is not None
    assert details.created is None


def test_nanoseconds_and_zones_are_read() -> None:
    assert parse_time("2026-11-03T09:30:00.123456789Z") == datetime(
        2026, 11, 3, 9, 30, 0, 123456, tzinfo=UTC
    )
    assert parse_time("2026-11-03T09:30:00.5-02:30") == datetime(
        2026, 11, 3, 12, 0, 0, 500000, tzinfo=UTC
    )


@given(
    st.datetimes(min_value=datetime(1981, 1, 1), max_value=datetime(9000, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
    st.text("0123456789", max_size=3),
)
def test_every_rfc_3339_time_is_read(moment: datetime, zone: int, finer: str) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=zone)))
    day_and_clock, offset = aware.isoformat(timespec="microseconds")[:26], aware.isoformat()[-6:]
    assert parse_time(f"{day_and_clock}{finer}{offset}") == aware


def test_what_is_no_image_is_refused() -> None:
    shelf = Shelf()
    nested = shelf.image(config())
    for _ in range(3):
        nested = shelf.index({"digest": nested})
    many = shelf.index(*({"digest": digest_of(bytes([n]))} for n in range(65)))
    for digest, message in {
        shelf.put(b"<html>"): "is not JSON",
        shelf.put({"schemaVersion": 1, "fsLayers": []}): "is neither an image manifest",
        shelf.put({"config": {"mediaType": OCI_CONFIG, "digest": "../x"}}): "names no valid config",
        shelf.put({"mediaType": DOCKER_INDEX, "manifests": [{"digest": 1}]}): "an invalid digest",
        nested: "is an index too deep",
        many: "more than 64 images",
    }.items():
        with pytest.raises(InputError, match=message):
            read_details(shelf, "x", digest)


def test_parts_that_are_not_there_are_trouble_and_not_absence() -> None:
    shelf = Shelf()
    image = shelf.image(config())
    del shelf.contents[digest_of(json.dumps(config()).encode())]
    with pytest.raises(TransientError, match=r"its config sha256:\w{12} is not in the registry"):
        read_details(shelf, "x", image)
    with pytest.raises(TransientError, match="none of its images is in the registry"):
        read_details(shelf, "x", shelf.index({"digest": digest_of(b"gone")}))


def test_an_index_of_many_slow_images_is_given_up_as_a_whole() -> None:
    shelf = Shelf()
    images = [shelf.image(config(number=str(n))) for n in range(9)]
    digest = shelf.index(*({"digest": each} for each in images))
    now = 0.0

    class Slow(Shelf):
        def manifest(self, repository: str, digest: str) -> bytes | None:
            nonlocal now
            now += 30.0
            return super().manifest(repository, digest)

    with pytest.raises(TransientError, match="its images did not come within 120 s"):
        read_details(Slow(shelf.contents), "shop/web", digest, lambda: now)
    assert now == 150.0

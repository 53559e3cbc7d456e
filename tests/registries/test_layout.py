from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from promoter.errors import InputError
from promoter.registries.content import digest_of
from promoter.registries.images import build_image
from promoter.registries.layout import LayoutRegistry
from promoter.registries.layout_writer import write_image
from tests.needs import need
from tests.services.registry import SOME_DAY, RunningRegistry


def write(path: Path, tag: str = "1.0.0", **labels: str) -> str:
    return write_image(path, "shop/web", tag, created=SOME_DAY, labels=labels)


def index(path: Path) -> Path:
    return path / "shop/web/index.json"


def test_what_was_written_is_read(tmp_path: Path) -> None:
    platforms = ("linux/amd64", "linux/arm64")
    first = write(tmp_path)
    second = write_image(
        tmp_path, "shop/web", "2.0.0", created=SOME_DAY, labels={"a": "b"}, platforms=platforms
    )
    registry = LayoutRegistry(tmp_path)

    assert registry.tags("shop/web") == ("1.0.0", "2.0.0")
    assert registry.digest("shop/web", "1.0.0") == first
    assert registry.digest("shop/web", "2.0.0") == second
    assert registry.digest("shop/web", "3.0.0") is None
    image = build_image(SOME_DAY, {"a": "b"}, platforms)
    assert image.digest == second
    assert [registry.manifest("shop/web", m.digest) for m in image.manifests] == [
        m.data for m in image.manifests
    ]
    for digest, data in image.blobs.items():
        assert registry.blob("shop/web", digest) == data
    assert registry.blob("shop/web", digest_of(b"never written")) is None


def test_images_are_the_same_everywhere() -> None:
    """Golden: digests that moved would make every demo and golden tree move with them."""
    assert build_image(SOME_DAY, {"a": "b"}).digest == (
        "sha256:fceb347488983e0db4793dbb428d8bc6bb6d26be917f6cc5bea10223e1cd2da5"
    )


def test_a_tag_that_moves_names_one_image_and_the_old_one_stays_readable(tmp_path: Path) -> None:
    old, other = write(tmp_path, build="1"), write(tmp_path, tag="other", build="1")
    new = write(tmp_path, build="2")
    registry = LayoutRegistry(tmp_path)

    assert registry.digest("shop/web", "1.0.0") == new != old
    assert registry.digest("shop/web", "other") == other
    assert sorted(registry.tags("shop/web")) == ["1.0.0", "other"]
    assert registry.manifest("shop/web", old) is not None


def test_what_skopeo_copies_from_a_real_registry_is_read(
    tmp_path: Path, open_registry: RunningRegistry
) -> None:
    skopeo = need("skopeo")
    platforms = ("linux/amd64", "linux/arm64/v8")
    digest = open_registry.push_image("copied/web", "1.2.0", platforms=platforms)
    target = tmp_path / "shop/web"
    target.parent.mkdir()
    subprocess.run(
        [
            *(skopeo, "--insecure-policy", "copy", "--all", "--quiet", "--src-tls-verify=false"),
            f"docker://{open_registry.host}/copied/web:1.2.0",
            f"oci:{target}:1.2.0",
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    registry = LayoutRegistry(tmp_path)
    assert registry.tags("shop/web") == ("1.2.0",)
    assert registry.digest("shop/web", "1.2.0") == digest
    assert registry.manifest("shop/web", digest) is not None


def test_what_our_writer_writes_skopeo_reads(tmp_path: Path) -> None:
    skopeo = need("skopeo")
    digest = write(tmp_path, team="shop")
    seen = subprocess.run(
        [skopeo, "inspect", f"oci:{tmp_path}/shop/web:1.0.0"],
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(seen.stdout)
    assert told["Digest"] == digest
    assert told["Labels"] == {"team": "shop"}
    assert told["Created"] == "2026-11-03T09:30:00Z"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("oci-layout", None, "oci-layout: is missing, so this is not an OCI image layout"),
        ("oci-layout", b"{", "oci-layout: is not a JSON object"),
        (
            "oci-layout",
            b'{"imageLayoutVersion": "2.0.0"}',
            "oci-layout: imageLayoutVersion must be '1.0.0', not '2.0.0'",
        ),
        ("index.json", None, "index.json: is missing"),
        ("index.json", b"[]", "index.json: is not a JSON object"),
        ("index.json", b"{}", "index.json: is not an image index"),
        ("index.json", b'{"manifests": [1]}', "index.json: is not an image index"),
        ("index.json", b" " * ((4 << 20) + 1), "index.json: is larger than 4,194,304 bytes"),
    ],
)
def test_a_damaged_layout_is_named_by_its_file(
    tmp_path: Path, file: str, content: bytes | None, message: str
) -> None:
    write(tmp_path)
    place = tmp_path / "shop/web" / file
    place.unlink() if content is None else place.write_bytes(content)
    with pytest.raises(InputError) as caught:
        LayoutRegistry(tmp_path).tags("shop/web")
    assert str(caught.value).startswith(str(tmp_path))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("digest", "message"),
    [("sha256:" + "0" * 64, "names two images; remove one"), ("sha256:x", "has no valid digest")],
)
def test_a_tag_names_one_digest(tmp_path: Path, digest: str, message: str) -> None:
    write(tmp_path)
    content = json.loads(index(tmp_path).read_bytes())
    content["manifests"].append({**content["manifests"][0], "digest": digest})
    index(tmp_path).write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"index.json: tag '1.0.0' {message}"):
        LayoutRegistry(tmp_path).digest("shop/web", "1.0.0")


def test_a_blob_that_was_changed_is_not_used(tmp_path: Path) -> None:
    digest = write(tmp_path)
    blob = tmp_path / "shop/web/blobs/sha256" / digest.removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes() + b"\n")
    with pytest.raises(InputError, match=f"digest mismatch: asked {digest}"):
        LayoutRegistry(tmp_path).manifest("shop/web", digest)


def test_an_unknown_repository_is_not_an_empty_one(tmp_path: Path) -> None:
    write(tmp_path)
    registry = LayoutRegistry(tmp_path)
    for repository in ("shop/api", "shop"):
        with pytest.raises(InputError):
            registry.tags(repository)
    with pytest.raises(InputError, match="no repository 'shop/api'; check the image name"):
        registry.digest("shop/api", "1.0.0")
    with pytest.raises(InputError, match="no such directory of image layouts"):
        LayoutRegistry(tmp_path / "nowhere").tags("shop/web")


@pytest.mark.parametrize("repository", ["../shop/web", "shop/../../web", "/shop/web", ".", ""])
def test_nothing_outside_the_directory_is_read_or_written(tmp_path: Path, repository: str) -> None:
    write(tmp_path)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path / "shop")
    registry = LayoutRegistry(inside)
    with pytest.raises(InputError, match="is not a repository name"):
        registry.tags(repository)
    with pytest.raises(InputError, match="is not a repository name"):
        write_image(inside, repository, "1", created=SOME_DAY, labels={})
    with pytest.raises(InputError, match="a link that leads out"):
        registry.tags("link/web")

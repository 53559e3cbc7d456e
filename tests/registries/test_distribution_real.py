"""Stories with a real docker-registry."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest

from promoter.access import redaction
from promoter.access.credentials import Credential
from promoter.access.http import HttpClient
from promoter.errors import InputError
from promoter.registries.content import digest_of
from promoter.registries.images import Flavour, build_image
from tests.registries.connect import connect
from tests.services.registry import SOME_DAY, RunningRegistry, running_registry

CANARY = "canary-Zaq12wsx!:ü"


def test_pushed_tags_are_listed_and_name_what_was_pushed(
    open_registry: RunningRegistry, http: HttpClient
) -> None:
    first = open_registry.push_image("shop/web", "1.0.0", labels={"n": "1"})
    second = open_registry.push_image("shop/web", "1.1.0", labels={"n": "2"})
    registry = connect(open_registry.host, http)

    assert sorted(registry.tags("shop/web")) == ["1.0.0", "1.1.0"]
    assert registry.digest("shop/web", "1.0.0") == first
    assert registry.digest("shop/web", "1.1.0") == second
    open_registry.retag("shop/web", old="1.1.0", new="1.0.0")
    assert registry.digest("shop/web", "1.0.0") == second
    assert registry.manifest("shop/web", first) is not None


@pytest.mark.parametrize("flavour", ["oci", "docker"])
@pytest.mark.parametrize("platforms", [("linux/amd64",), ("linux/amd64", "linux/arm64/v8")])
def test_the_digest_is_the_one_of_the_bytes_that_were_pushed(
    open_registry: RunningRegistry,
    http: HttpClient,
    flavour: Flavour,
    platforms: tuple[str, ...],
) -> None:
    image = build_image(SOME_DAY, {"flavour": flavour}, platforms, flavour=flavour)
    open_registry.push("kinds/app", "v1", image)
    registry = connect(open_registry.host, http)

    assert registry.digest("kinds/app", "v1") == image.digest == digest_of(image.top.data)
    for manifest in image.manifests:
        assert registry.manifest("kinds/app", manifest.digest) == manifest.data
    for digest, data in image.blobs.items():
        assert registry.blob("kinds/app", digest) == data


def test_what_is_not_there_is_absent_only_by_the_registrys_word(
    open_registry: RunningRegistry, http: HttpClient
) -> None:
    open_registry.push_image("absent/app", "1.0.0")
    registry = connect(open_registry.host, http)
    nowhere = digest_of(b"nothing")

    assert registry.digest("absent/app", "9.9.9") is None
    assert registry.manifest("absent/app", nowhere) is None
    assert registry.blob("absent/app", nowhere) is None
    with pytest.raises(InputError, match="has no repository 'absent/never'; check the image name"):
        registry.tags("absent/never")


def test_a_repository_whose_last_image_was_deleted_has_no_tags(
    open_registry: RunningRegistry, http: HttpClient
) -> None:
    digest = open_registry.push_image("emptied/app", "1.0.0")
    registry = connect(open_registry.host, http)
    assert registry.tags("emptied/app") == ("1.0.0",)
    open_registry.delete("emptied/app", digest)

    assert registry.tags("emptied/app") == ()
    assert registry.digest("emptied/app", "1.0.0") is None


def test_basic_authentication_right_wrong_and_none(
    tmp_path: Path, http: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    right, wrong = Credential("ci", CANARY), Credential("ci", f"{CANARY}-wrong")
    redaction.register_pair(right.username, right.password)
    with running_registry(tmp_path, username="ci", password=CANARY) as service:
        digest = service.push_image("shop/web", "1.0.0")
        allowed = connect(service.host, http, right)
        assert allowed.tags("shop/web") == ("1.0.0",)
        assert allowed.digest("shop/web", "1.0.0") == digest
        assert allowed.digest("shop/web", "2.0.0") is None

        with pytest.raises(InputError) as with_wrong:
            connect(service.host, http, wrong).digest("shop/web", "1.0.0")
        with pytest.raises(InputError) as with_none:
            connect(service.host, http).tags("shop/web")

    assert f"{service.host} refuses 'shop/web' (401) although the credential of user 'ci'" in str(
        with_wrong.value
    )
    assert "no credential was sent; add the entry" in str(with_none.value)
    seen = "".join(traceback.format_exception(with_wrong.value)) + caplog.text
    seen += repr([allowed.__dict__, vars(with_wrong.value), right, wrong])
    assert caplog.records, "the log was not watched"
    assert CANARY not in seen
    assert "Authorization" not in caplog.text

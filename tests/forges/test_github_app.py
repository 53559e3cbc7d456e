"""A GitHub App as the bot: found by the repository, renewed before its tokens end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from promoter.access.credentials import Credentials, GitHubApp
from promoter.access.redaction import MASK, redact
from promoter.errors import InputError
from promoter.forges.github.connect import connect, log_in
from tests.forges.small_github import START, SmallGitHub, small_github

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def hub() -> Iterator[SmallGitHub]:
    with small_github() as served:
        served.app = {"slug": "shop-promoter", "lent": []}
        served.tokens = set()
        yield served


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "app.pem"
    file.write_bytes(
        _KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return file


class World:
    def __init__(self, hub: SmallGitHub, file: Path) -> None:
        self.now = START
        url = f"{hub.base}/shop/manifests"
        self.forge = connect(
            url,
            credentials=Credentials(),
            now=lambda: self.now,
            app=log_in(url, GitHubApp("12", file), now=lambda: self.now),
            write_pause=0,
        )


def test_an_apps_token_is_lent_once_renewed_early_and_never_shown(
    hub: SmallGitHub, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world = World(hub, key_file)
    for _ in range(2):
        assert world.forge.find("main", "promoter/") == []
    assert hub.app == {"slug": "shop-promoter", "lent": ["ghs_lent_1"]}

    hub.clock = world.now = START + timedelta(minutes=56)
    world.forge.find("main", "promoter/")
    assert hub.asked[-1].token == "ghs_lent_2"
    assert redact("ghs_lent_1 ghs_lent_2") == f"{MASK} {MASK}"

    signed = next(each for each in hub.asked if each.path.endswith("/installation"))
    claims = jwt.decode(signed.token, _KEY.public_key(), ["RS256"], options={"verify_exp": False})
    assert claims["iss"] == "12"
    assert redact(signed.token) == MASK
    assert "/installation" in caplog.text  # the connections' own log
    assert not any(secret in caplog.text for secret in ("ghs_lent", signed.token))


def test_a_token_that_was_revoked_is_lent_again(hub: SmallGitHub, key_file: Path) -> None:
    world = World(hub, key_file)
    world.forge.find("main", "promoter/")
    hub.tokens.clear()
    assert world.forge.find("main", "promoter/") == []
    assert hub.asked[-1].token == "ghs_lent_2"


def test_the_app_knows_its_own_deeds(hub: SmallGitHub, key_file: Path) -> None:
    world = World(hub, key_file)
    hub.end(hub.add("promoter/dev/web"), "shop-promoter[bot]")
    hub.end(hub.add("promoter/dev/api"), "stale[bot]")
    api, web = world.forge.find("main", "promoter/")
    assert (web.closed_by, web.closed_by_bot) == ("shop-promoter[bot]", True)
    assert (api.closed_by, api.closed_by_bot) == (None, False)


def test_an_app_that_is_not_installed_says_what_to_do(hub: SmallGitHub, key_file: Path) -> None:
    hub.app = None
    with pytest.raises(InputError, match="not installed for this repository: install it"):
        World(hub, key_file).forge.find("main", "promoter/")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file"),
        (b"\xff\xfe", "holds no private key in PEM form"),
        (b"ghp_pasted_into_the_wrong_file", "holds no private key in PEM form"),
        (
            b"-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n",
            "holds a private key that can't be read",
        ),
    ],
)
def test_a_bad_key_is_told_by_its_file_without_what_it_holds(
    hub: SmallGitHub, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "app.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        World(hub, file).forge.find("main", "promoter/")
    assert str(caught.value).startswith(f"{file}: {said}")
    assert "c2VjcmV0" not in str(caught.value)
    assert "pasted" not in str(caught.value)
    assert hub.asked == []

"""A registry that another server serves: what that server may see, and what it may not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promoter.access.credentials import Credentials
from promoter.access.credentials.hosts import name_at
from promoter.access.origin import origin_of
from tests.access.test_credentials_docker import Home, auth

HUB = "https://index.docker.io/v1/"
MIRROR = "http://mirror.internal:5000"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def user_at(
    credentials: Credentials, url: str, host: str = "docker.io", prefix: str = ""
) -> str | None:
    found = credentials.of(host, origin_of(url), prefix)("shop/web")
    return found.username if found else None


@pytest.mark.parametrize("url", [MIRROR, "https://mirror.internal:5000", "https://docker.io:8443"])
def test_a_login_at_the_host_is_not_shown_to_a_mirror(home: Home, url: str) -> None:
    home.docker({"auths": {HUB: auth("hub")}})
    secret = home.write("pull.json", {"auths": {HUB: auth("hub")}})
    assert user_at(home.load(secret), url) is None
    assert user_at(home.load(secret), "https://registry-1.docker.io") == "hub"


def test_a_mirror_gets_its_own_and_our_file_comes_first(home: Home) -> None:
    home.docker({"auths": {HUB: auth("hub"), "mirror.internal:5000": auth("mirror")}})
    assert user_at(home.load(), MIRROR) == "mirror"
    ours = "docker.io: {username: ours, password: canary}"
    assert user_at(home.load(ours=ours), MIRROR) == "mirror"
    ours += "\nmirror.internal:5000: {username: ours-there, password: canary}"
    assert user_at(home.load(ours=ours), MIRROR) == "ours-there"


def test_what_our_own_file_says_of_the_host_goes_to_its_mirror(home: Home) -> None:
    home.docker({"auths": {HUB: auth("hub")}})
    ours = "docker.io: {username: ours, password: canary}"
    assert user_at(home.load(ours=ours), MIRROR) == "ours"
    nobody = home.write("nobody.json", {"auths": {}})
    ours += f"\nmirror.internal:5000: {{pull-secret: {nobody}}}"
    assert user_at(home.load(ours=ours), MIRROR) is None, "an entry has the last word"


def test_a_proxy_cache_is_asked_by_the_names_that_it_has(home: Home) -> None:
    home.docker({"auths": {"mirror.internal:5000/hub": auth("hub"), "docker.io/shop": auth("no")}})
    assert user_at(home.load(), MIRROR, prefix="hub/") == "hub"
    assert user_at(home.load(), MIRROR, prefix="quay/") is None


class TestClouds:
    """A key of Google's is in the environment: it is for Google's hosts, over TLS."""

    @pytest.fixture(autouse=True)
    def _key(self, home: Home) -> None:
        key = home.write("key.json", json.dumps({"type": "service_account", "key": "canary"}))
        home.environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(key)

    def test_none_is_implied_for_a_mirror_of_its_host(self, home: Home) -> None:
        assert user_at(home.load(), MIRROR, "gcr.io") is None
        assert user_at(home.load(), "https://gcr.io", "gcr.io") == "_json_key"
        assert user_at(home.load(), "https://eu.pkg.dev/v2/shop/hub") == "_json_key"

    def test_none_is_implied_in_clear(self, home: Home) -> None:
        assert user_at(home.load(), "http://gcr.io", "gcr.io") is None
        assert user_at(home.load(), "http://gcr.io") is None
        assert user_at(home.load(ours="gcr.io: {from: google}"), "http://gcr.io", "gcr.io")


@pytest.mark.parametrize(
    ("host", "url", "name"),
    [
        ("localhost:5000", "http://localhost:5000", "localhost:5000"),
        ("example.com:443", "https://example.com", "example.com:443"),
        ("example.com", "https://EXAMPLE.com:443/v2/x", "example.com"),
        ("example.com", "http://example.com", "example.com"),
        ("docker.io", "https://registry-1.docker.io", "docker.io"),
        ("example.com", "https://example.com:8443", "example.com:8443"),
        ("docker.io", "https://mirror.example.com", "mirror.example.com"),
    ],
)
def test_a_server_is_the_host_itself_or_another(host: str, url: str, name: str) -> None:
    assert name_at(host, origin_of(url)) == name

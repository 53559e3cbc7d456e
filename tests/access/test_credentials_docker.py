"""Credentials that docker, podman and Kubernetes keep, read where and how they write them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.redaction import redact
from promoter.errors import InputError


def pair(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def auth(username: str, password: str = "canary-docker") -> dict[str, str]:
    return {"auth": pair(username, password)}


class Home:
    """A home directory with what docker and podman write there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"HOME": str(folder), "PATH": ""}

    def write(self, name: str, content: object) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name("new")
        new.write_text(content if isinstance(content, str) else json.dumps(content))
        return new.replace(file)

    def docker(self, content: object) -> Path:
        return self.write(".docker/config.json", content)

    def load(self, *pull_secrets: Path, ours: str | None = None) -> Credentials:
        file = self.write("ours.yaml", ours) if ours is not None else None
        return Credentials.load(file, pull_secrets, environment=self.environment)

    def user(self, host: str, repository: str = "shop/web") -> str | None:
        found = self.load().of(host)(repository)
        return found.username if found else None


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


class TestEntries:
    @pytest.mark.parametrize(
        ("entry", "expected"),
        [
            (
                {"auth": pair("bob", "canary:with:colons")},
                ("bob", "canary:with:colons", "password"),
            ),
            ({"auth": pair("bob", "canary\0\0")}, ("bob", "canary", "password")),
            ({"auth": pair("zoë", "cänary")}, ("zoë", "cänary", "password")),
            ({"username": "bob", "password": "canary"}, ("bob", "canary", "password")),
            (
                {"auth": pair("bob", ""), "identitytoken": "canary"},
                ("bob", "canary", "identity-token"),
            ),
            ({"registrytoken": "canary"}, ("", "canary", "registry-token")),
            ({**auth("bob"), "email": "bob@example.com"}, ("bob", "canary-docker", "password")),
        ],
    )
    def test_each_kind(
        self, home: Home, entry: dict[str, str], expected: tuple[str, str, Any]
    ) -> None:
        file = home.docker({"auths": {"harbor.example.com": entry}})
        found = home.load().of("harbor.example.com")("shop/web")
        assert found == Credential(*expected, f"the docker config file {file}")
        assert redact(f"it was {found.password}") == "it was ***"

    def test_an_empty_entry_is_none(self, home: Home) -> None:
        home.docker({"auths": {"harbor.example.com": {}, "b.example.com": {"auth": ""}}})
        assert home.user("harbor.example.com") is None
        assert home.user("b.example.com") is None

    def test_git_gets_none_of_them(self, home: Home) -> None:
        home.docker({"auths": {"harbor.example.com": auth("bob")}})
        assert home.load().for_host("harbor.example.com") is None

    @pytest.mark.parametrize(
        "key",
        [
            "https://index.docker.io/v1/",
            "index.docker.io",
            "docker.io",
            "registry-1.docker.io",
            "https://docker.io",
        ],
    )
    def test_docker_hub_by_all_its_names(self, home: Home, key: str) -> None:
        home.docker({"auths": {key: auth("hub")}})
        assert home.user("docker.io", "library/nginx") == "hub"

    @pytest.mark.parametrize(
        "key",
        [
            "harbor.example.com",
            "HARBOR.example.com",
            "https://harbor.example.com",
            "http://harbor.example.com/",
            "https://harbor.example.com/v1/",
            "https://harbor.example.com/v2/",
            "harbor.example.com/v2",
            "https://harbor.example.com/service/token",
        ],
    )
    def test_a_host_as_old_and_new_tools_write_it(self, home: Home, key: str) -> None:
        home.docker({"auths": {key: auth("bob")}})
        assert home.user("harbor.example.com") == "bob"
        assert home.user("harbor.example.com:443") is None
        assert home.user("example.com") is None

    def test_the_longest_namespace_wins(self, home: Home) -> None:
        home.docker(
            {
                "auths": {
                    "quay.io": auth("host"),
                    "quay.io/team": auth("team"),
                    "quay.io/team/web": auth("web"),
                    "*.io/team/web/deeper": auth("glob"),
                }
            }
        )
        assert home.user("quay.io", "other/web") == "host"
        assert home.user("quay.io", "teams/web") == "host"
        assert home.user("quay.io", "team/api") == "team"
        assert home.user("quay.io", "team/web") == "web"
        assert home.user("quay.io", "team/web2") == "team"
        assert home.user("quay.io", "team/web/deeper/x") == "glob"

    def test_globs_as_kubernetes_reads_them(self, home: Home) -> None:
        home.docker({"auths": {"*.example.com": auth("glob"), "a.example.com": auth("exact")}})
        assert home.user("a.example.com") == "exact"
        assert home.user("b.example.com") == "glob"
        assert home.user("a.b.example.com") is None


class TestPlaces:
    """One host in every place; what was read tells the place."""

    PLACES: Mapping[str, Mapping[str, str]] = {
        "auth-file.json": {"REGISTRY_AUTH_FILE": "auth-file.json"},
        "docker/config.json": {"DOCKER_CONFIG": "docker"},
        ".docker/config.json": {},
        "run/containers/auth.json": {"XDG_RUNTIME_DIR": "run"},
        "xdg/containers/auth.json": {"XDG_CONFIG_HOME": "xdg"},
        ".config/containers/auth.json": {},
    }

    def write_all(self, home: Home, *places: str) -> None:
        for place in places:
            home.write(place, {"auths": {"quay.io": auth(place)}})
            for name, value in self.PLACES[place].items():
                home.environment[name] = str(home.folder / value)

    @pytest.mark.parametrize("place", PLACES)
    def test_each_place_is_found(self, home: Home, place: str) -> None:
        self.write_all(home, place)
        assert home.user("quay.io") == place

    def test_dockers_come_before_podmans(self, home: Home) -> None:
        self.write_all(home, ".docker/config.json", "run/containers/auth.json")
        assert home.user("quay.io") == ".docker/config.json"

    def test_a_file_without_the_host_leaves_it_to_the_next(self, home: Home) -> None:
        self.write_all(home, ".docker/config.json", "run/containers/auth.json")
        home.docker({"auths": {"other.example.com": auth("other")}})
        assert home.user("quay.io") == "run/containers/auth.json"

    def test_an_explicit_place_replaces_the_usual_ones_of_its_family(self, home: Home) -> None:
        self.write_all(home, ".docker/config.json", "run/containers/auth.json")
        home.environment["DOCKER_CONFIG"] = str(home.folder / "nothing")
        assert home.user("quay.io") == "run/containers/auth.json"
        home.write("auth-file.json", {})
        home.environment["REGISTRY_AUTH_FILE"] = str(home.folder / "auth-file.json")
        assert home.user("quay.io") is None

    def test_an_explicit_file_must_be_there(self, home: Home) -> None:
        home.environment["REGISTRY_AUTH_FILE"] = str(home.folder / "nowhere")
        with pytest.raises(InputError, match="nowhere: the file of REGISTRY_AUTH_FILE can't be"):
            home.user("quay.io")

    def test_without_a_home_nothing_is_looked_for(self) -> None:
        assert Credentials.load(None, environment={}).of("quay.io")("shop/web") is None

    def test_what_changed_is_read_again(self, home: Home) -> None:
        ask = home.load().of("quay.io")
        assert ask("shop/web") is None
        for name in ("one", "two"):
            home.docker({"auths": {"quay.io": auth(name)}})
            assert (found := ask("shop/web")) is not None
            assert found.username == name


class TestOrder:
    def test_our_file_then_pull_secrets_then_docker(self, home: Home) -> None:
        def hosts(name: str, count: int) -> dict[str, Any]:
            return {"auths": {f"{n}.example.com": auth(name) for n in range(count)}}

        home.docker(hosts("docker", 4))
        first = home.write("first.json", hosts("first", 2))
        second = home.write("second.json", hosts("second", 3)["auths"])  # the older form
        ours = "0.example.com: {username: ours, password: canary}"
        credentials = home.load(first, second, ours=ours)
        found = [credentials.of(f"{n}.example.com")("shop/web") for n in range(5)]
        users = [each and each.username for each in found]
        assert users == ["ours", "first", "second", "docker", None]

    def test_an_entry_may_name_a_pull_secret(self, home: Home) -> None:
        file = home.write("pull.json", {"auths": {"quay.io": auth("pull")}})
        home.docker({"auths": {"quay.io": auth("docker"), "b.io": auth("docker")}})
        credentials = home.load(ours=f'"*.io": {{pull-secret: {file}}}')
        assert credentials.of("quay.io")("shop/web") == Credential(
            "pull", "canary-docker", "password", f"the pull secret {file}"
        )
        # The entry is a person's word: nobody else is asked.
        assert credentials.of("b.io")("shop/web") is None


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"auths": {"a": "canary}', ":1:17: is not JSON, as docker's config files are"),
            ("canary", ":1:1: is not JSON"),
            ("[" * 100_000, ": is not JSON"),
            ('["canary"]', ": must be a JSON object"),
            ('{"auths": ["canary"]}', ": auths must be a mapping of hosts"),
            ('{"credHelpers": "canary"}', ": credHelpers must be a mapping of hosts"),
            ('{"credsStore": {"canary": 1}}', ": credsStore and the values of credHelpers must be"),
            ('{"credHelpers": {"a": 1}}', ": credsStore and the values of credHelpers must be"),
            (
                '{"kind": "Secret", "data": {"x": "canary"}}',
                ": is a whole Secret: give the file of",
            ),
        ],
    )
    def test_a_broken_file_stops_whom_it_might_have_answered(
        self, home: Home, text: str, message: str
    ) -> None:
        file = home.docker(text)
        credentials = home.load(ours="a.example.com: {password: fine}")
        assert credentials.of("a.example.com")("shop/web") == Credential("promoter", "fine")
        with pytest.raises(InputError) as caught:
            credentials.of("b.example.com")("shop/web")
        assert str(caught.value).startswith(f"{file}{message}")
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ({"auth": "canary"}, "'auth' is not the Base64 of username:password"),
            ({"auth": "Y2FuYXJ5"}, "'auth' is not the Base64 of username:password"),
            ({"auth": "/////w=="}, "'auth' is not the Base64 of username:password"),
            ({"auth": ["canary"]}, "'auth' must be text"),
            ({"username": "bob", "password": 12345678}, "'password' must be text"),
            ({"username": "bob"}, "has a username and no password"),
            ({"auth": pair("bob", "")}, "has a username and no password"),
            ("canary", "must be a mapping"),
        ],
    )
    def test_a_broken_entry_stops_only_its_host(
        self, home: Home, entry: object, message: str
    ) -> None:
        file = home.docker({"auths": {"b.example.com": entry, "a.example.com": auth("bob")}})
        assert home.user("a.example.com") == "bob"
        with pytest.raises(InputError) as caught:
            home.user("b.example.com")
        assert str(caught.value).startswith(f"{file}: the entry 'b.example.com': {message}")
        assert "canary" not in str(caught.value)
        assert "12345678" not in str(caught.value)

    def test_keys_of_no_sense_match_nobody(self, home: Home) -> None:
        home.docker({"auths": {"": auth("bob"), "/": auth("bob"), "a b": auth("bob")}})
        assert home.user("quay.io") is None

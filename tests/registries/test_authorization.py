"""Who asks, and what happens when that is refused: stories of one registry and its realm."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.http import HttpClient
from promoter.app import build
from promoter.errors import InputError, TransientError
from promoter.registries.distribution import DistributionRegistry
from promoter.settings import load_settings
from tests.registries.proofs import Source
from tests.services.credential_helper import CredentialHelper
from tests.services.misbehaving import Answer, Server, json_answer, registry_error, serving

TAGS = "/v2/shop/web/tags/list"
GOOD = json_answer({"tags": ["1"]})
WITHOUT_REASON = registry_error(401, "UNAUTHORIZED")
OLD, NEW = Credential("ci", "canary-old"), Credential("ci", "canary-new")
IDENTITY = Credential("", "canary-identity", "identity-token", "docker-credential-acr")


def asks_basic() -> Answer:
    return registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="r"'})


def asks_token(server: Server, host: str | None = None) -> Answer:
    realm = f'Bearer realm="http://{host or server.host}/token",service="hub"'
    return registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": realm})


def basic(credential: Credential) -> str:
    pair = f"{credential.username}:{credential.password}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def client(
    server: Server, http: HttpClient, source: Source, base: str = ""
) -> DistributionRegistry:
    return DistributionRegistry(
        server.host, http, source, plain_http=True, base=base and f"http://{server.host}{base}"
    )


def proofs(server: Server, path: str = TAGS) -> list[str | None]:
    return [request.header("Authorization") for request in server.asked("GET", path)]


@pytest.mark.parametrize("refusal", [asks_basic(), registry_error(403, "DENIED")])
def test_a_password_that_is_over_is_replaced_by_its_source(
    http: HttpClient, refusal: Answer
) -> None:
    """ECR's is over after twelve hours; then it says 403 and asks for nothing."""
    source = Source([OLD, NEW])
    answers = {("GET", TAGS): [asks_basic(), GOOD, refusal, GOOD]}
    with serving(answers) as server:
        registry = client(server, http, source)
        assert registry.tags("shop/web") == registry.tags("shop/web") == ("1",)
        assert proofs(server) == [None, basic(OLD), basic(OLD), basic(NEW)]
    assert source.refused == [OLD]
    assert set(source.asked_for) == {"shop/web"}


@pytest.mark.parametrize("refusal", [asks_basic(), registry_error(403, "DENIED"), WITHOUT_REASON])
def test_a_source_without_another_is_asked_once_a_request(
    http: HttpClient, refusal: Answer
) -> None:
    source = Source([OLD])
    with serving({("GET", TAGS): [asks_basic(), refusal]}) as server:
        with pytest.raises(InputError, match="although the credential of user 'ci' was sent"):
            client(server, http, source).tags("shop/web")
        assert proofs(server) == [None, basic(OLD)]
    assert source.refused == [OLD]


def test_a_message_says_where_the_credential_came_from(http: HttpClient) -> None:
    helper = Credential("AWS", "canary-old", origin="docker-credential-ecr-login")
    with (
        serving({("GET", TAGS): asks_basic()}) as server,
        pytest.raises(
            InputError, match=r"'127\.0\.0\.1:.*' in docker-credential-ecr-login"
        ) as caught,
    ):
        client(server, http, Source([helper])).tags("shop/web")
    assert "canary" not in str(caught.value)


def test_a_registry_token_is_a_bearer_token_as_it_is(http: HttpClient) -> None:
    given = Credential("", "canary.token", "registry-token", "config.json")
    with serving({}) as server:
        server.answers["GET", TAGS] = [asks_token(server), GOOD]
        assert client(server, http, Source([given])).tags("shop/web") == ("1",)
        assert proofs(server) == [None, "Bearer canary.token"]
        assert server.asked("GET", "/token") == []

        server.answers["GET", TAGS] = asks_token(server)
        with pytest.raises(InputError, match="the registry token was sent; check whether it is"):
            client(server, http, Source([given])).tags("shop/web")


def test_a_token_means_nothing_to_basic(http: HttpClient) -> None:
    with serving({("GET", TAGS): asks_basic()}) as server:
        message = "asks for no token, so that the identity token .* docker-credential-acr is of no"
        with pytest.raises(InputError, match=message):
            client(server, http, Source([IDENTITY])).tags("shop/web")
        assert proofs(server) == [None]


def test_an_identity_token_is_posted_to_the_realm(http: HttpClient) -> None:
    with serving({("POST", "/token"): json_answer({"access_token": "t-1"})}) as server:
        server.answers["GET", TAGS] = [asks_token(server), GOOD]
        assert client(server, http, Source([IDENTITY])).tags("shop/web") == ("1",)
        (post,) = server.asked("POST", "/token")
        assert post.path == "/token"
        assert post.header("Authorization") is None
        assert post.header("Content-Type") == "application/x-www-form-urlencoded"
        assert parse_qs(post.body.decode()) == {
            "grant_type": ["refresh_token"],
            "client_id": ["promoter"],
            "refresh_token": ["canary-identity"],
            "service": ["hub"],
            "scope": ["repository:shop/web:pull"],
        }
        assert proofs(server) == [None, "Bearer t-1"]


@pytest.mark.parametrize("status", [401, 404, 405])
def test_a_realm_that_takes_no_posts_gets_the_same_by_basic(http: HttpClient, status: int) -> None:
    with serving({("POST", "/token"): Answer(status)}) as server:
        server.answers["GET", TAGS] = [asks_token(server), GOOD]
        server.answers["GET", "/token"] = json_answer({"token": "t-1"})
        assert client(server, http, Source([IDENTITY])).tags("shop/web") == ("1",)
        assert proofs(server, "/token") == [basic(IDENTITY)]


def test_a_post_to_a_realm_is_not_sent_on(http: HttpClient) -> None:
    with serving({}) as thief, serving({}) as server:
        moved = Answer(307, {"Location": f"http://{thief.host}/token"})
        server.answers |= {("POST", "/token"): moved, ("GET", TAGS): asks_token(server)}
        with pytest.raises(TransientError, match=r"gave no usable token for .* \(307\)"):
            client(server, http, Source([IDENTITY])).tags("shop/web")
        assert thief.requests == []


def test_a_realm_that_refuses_is_given_another_credential_once(http: HttpClient) -> None:
    with serving({}) as server:
        server.answers["GET", TAGS] = [asks_token(server), GOOD]
        server.answers["GET", "/token"] = [
            registry_error(401, "DENIED"),
            json_answer({"token": "t"}),
        ]
        source = Source([OLD, NEW])
        assert client(server, http, source).tags("shop/web") == ("1",)
        assert proofs(server, "/token") == [basic(OLD), basic(NEW)]

        server.answers["GET", TAGS] = asks_token(server)
        server.answers["GET", "/token"] = registry_error(401, "DENIED")
        with pytest.raises(InputError, match="gives no token to pull 'shop/web'") as caught:
            client(server, http, Source([OLD, NEW])).tags("shop/web")
        assert "canary" not in str(caught.value)
        assert proofs(server, "/token")[2:] == [basic(OLD), basic(NEW)]


def test_an_old_token_is_renewed_and_a_new_one_that_is_refused_is_not(http: HttpClient) -> None:
    with serving({}) as server:
        asks = asks_token(server)
        server.answers["GET", TAGS] = [asks, GOOD, asks, GOOD, asks]
        server.answers["GET", "/token"] = [json_answer({"token": f"t-{n}"}) for n in range(9)]
        registry = client(server, http, Source([OLD]))
        assert registry.tags("shop/web") == registry.tags("shop/web") == ("1",)
        assert proofs(server) == [None, "Bearer t-0", "Bearer t-0", "Bearer t-1"]
        with pytest.raises(InputError, match="although the credential of user 'ci' was sent"):
            registry.tags("shop/web")
        assert proofs(server)[4:] == ["Bearer t-1", "Bearer t-2"]
        assert len(server.asked("GET", "/token")) == 3


def test_below_a_prefix_the_scope_is_the_name_that_is_asked_for(http: HttpClient) -> None:
    path = "/v2/hub/shop/web/tags/list"
    with serving({("GET", "/token"): json_answer({"token": "t"})}) as server:
        server.answers["GET", path] = [asks_token(server), GOOD]
        source = Source([OLD])
        assert client(server, http, source, base="/v2/hub").tags("shop/web") == ("1",)
        (token,) = server.asked("GET", "/token")
        assert parse_qs(token.path.partition("?")[2])["scope"] == ["repository:hub/shop/web:pull"]
        assert set(source.asked_for) == {"shop/web"}, "credentials are known by the image's name"


def test_a_credential_goes_to_no_realm_in_the_clear_elsewhere(http: HttpClient) -> None:
    with serving({("GET", "/token"): json_answer({"token": "t"})}) as server:
        elsewhere = server.host.replace("127.0.0.1", "localhost")
        server.answers["GET", TAGS] = asks_token(server, elsewhere)
        with pytest.raises(InputError, match="tokens fetched over plain HTTP at localhost"):
            client(server, http, Source([OLD])).tags("shop/web")
        assert server.asked("GET", "/token") == []


def test_no_source_is_asked_while_a_token_is_good(http: HttpClient) -> None:
    """It may be a program that is run, or a cloud."""
    with serving({("GET", "/token"): json_answer({"token": "t", "expires_in": 300})}) as server:
        server.answers["GET", TAGS] = [asks_token(server), GOOD]
        source = Source([OLD])
        registry = client(server, http, source)
        assert [registry.tags("shop/web") for _ in range(5)] == [("1",)] * 5
        assert source.asked_for == ["shop/web"]


def test_a_credential_is_sent_to_the_mirror_alone(http: HttpClient) -> None:
    """And not to where the mirror sends on, nor to the host whose place it takes."""
    good = {("GET", "/v2/hub/x/tags/list"): [asks_basic(), GOOD]}
    with serving({("GET", "/elsewhere"): GOOD}) as other, serving(good) as mirror:
        registry = DistributionRegistry(
            "docker.io", http, Source([OLD]), plain_http=True, base=f"http://{mirror.host}/v2/hub"
        )
        assert registry.tags("x") == ("1",)
        moved = Answer(307, {"Location": f"http://{other.host}/elsewhere"})
        mirror.answers["GET", "/v2/hub/x/tags/list"] = moved
        assert registry.tags("x") == ("1",)
        assert mirror.requests[-1].header("Authorization") == basic(OLD)
        assert [request.header("Authorization") for request in other.requests] == [None]


def test_a_login_at_docker_hub_is_not_sent_to_its_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever logged in at the hub said nothing of the server that the settings put before it."""
    login = {"auths": {"https://index.docker.io/v1/": {"username": "ci", "password": "canary"}}}
    (tmp_path / "config.json").write_text(json.dumps(login))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with serving({("GET", "/v2/library/x/tags/list"): asks_basic()}) as mirror:
        where = {"docker.io": f"http://{mirror.host}"}
        settings = load_settings({"registries": where, "cache": tmp_path})
        with pytest.raises(InputError, match=r"sent; add the entry 'docker\.io'"):
            build(settings).adapters.registry("docker.io").tags("library/x")
        assert [request.header("Authorization") for request in mirror.requests] == [None]

        login["auths"] = {mirror.host: {"username": "ci", "password": "canary"}}
        (tmp_path / "config.json").write_text(json.dumps(login))
        with pytest.raises(InputError, match=f"of the entry '{mirror.host}' or 'docker.io' in"):
            build(settings).adapters.registry("docker.io").tags("library/x")
        assert mirror.requests[-1].header("Authorization") == basic(Credential("ci", "canary"))


class TestWhatIsToBeMended:
    """A 401 names the line that a person must change, or the source that had nothing."""

    def refusal(self, http: HttpClient, folder: Path, ours: str, docker: object = None) -> str:
        if docker is not None:
            (folder / ".docker").mkdir()
            (folder / ".docker/config.json").write_text(json.dumps(docker))
        with serving({("GET", TAGS): [asks_basic()]}) as server:
            file = folder / "promoter.yaml"
            file.write_text(ours.replace("HOST", server.host))
            environment = {"HOME": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}
            of_host = Credentials.load(file, environment=environment).of(server.host)
            registry = DistributionRegistry(server.host, http, of_host, plain_http=True)
            with pytest.raises(InputError) as caught:
                registry.tags("shop/web")
            return str(caught.value).replace(server.host, "HOST").replace(str(folder), "FOLDER")

    def test_a_wrong_password_by_its_line(self, http: HttpClient, tmp_path: Path) -> None:
        ours = "a.org: {password: x}\nHOST: {username: ci, password: canary}\n"
        assert self.refusal(http, tmp_path, ours) == (
            "HOST refuses 'shop/web' (401) although the credential of user 'ci' was sent; check"
            " username, password and the right to pull of the entry 'HOST' in the credentials file"
            " FOLDER/promoter.yaml:2"
        )

    def test_an_entry_for_tls_alone(self, http: HttpClient, tmp_path: Path) -> None:
        assert self.refusal(http, tmp_path, "HOST: {ca-file: /ca.pem}\n") == (
            "HOST refuses 'shop/web' (401), and no credential was sent; the entry 'HOST' in the"
            " credentials file FOLDER/promoter.yaml:1 has files for TLS alone: add username and"
            " password-file to it, or check that the repository exists"
        )

    def test_a_helper_of_ours_that_has_nothing(self, http: HttpClient, tmp_path: Path) -> None:
        CredentialHelper.install(tmp_path, "vault", {})
        assert self.refusal(http, tmp_path, "HOST: {helper: vault}\n") == (
            "HOST refuses 'shop/web' (401), and no credential was sent; docker-credential-vault has"
            " none for it, and the entry 'HOST' in the credentials file FOLDER/promoter.yaml:1 asks"
            " nobody else; log in there, or check that the repository exists"
        )

    def test_a_store_of_dockers_that_has_nothing(self, http: HttpClient, tmp_path: Path) -> None:
        CredentialHelper.install(tmp_path, "vault", {})
        assert self.refusal(http, tmp_path, "", {"credsStore": "vault"}) == (
            "HOST refuses 'shop/web' (401), and no credential was sent; docker-credential-vault of"
            " the docker config file FOLDER/.docker/config.json has none for it; log in, or add the"
            " entry 'HOST' in the credentials file"
        )

    def test_nobody_was_asked(self, http: HttpClient, tmp_path: Path) -> None:
        said = self.refusal(http, tmp_path, "", {"credsStore": "not-installed"})
        assert said.endswith(
            "no credential was sent; add the entry 'HOST' in the credentials file, or check that"
            " the repository exists"
        )

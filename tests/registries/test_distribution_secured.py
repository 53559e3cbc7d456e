"""Stories with a real docker-registry that wants to know who asks, and proves who it is."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from promoter.access.credentials import Credential, Credentials
from promoter.access.http import HttpClient
from promoter.access.origin import Origin
from promoter.access.tls import Identities, TlsIdentity
from promoter.errors import InputError
from promoter.registries.details import read_details
from promoter.registries.distribution import DistributionRegistry
from tests.registries.connect import connect
from tests.services.certificates import Authority
from tests.services.credential_helper import IDENTITY_TOKEN, CredentialHelper
from tests.services.notifications import notification_receiver
from tests.services.registry import RunningRegistry, running_registry
from tests.services.token_server import Grant, TokenServer, token_server

PASSWORD = "canary-of-tokens-52d8"
ROBOT = Credential("robot", PASSWORD)
WEB, API = "shop/web", "shop/api"


class TestTokens:
    @pytest.fixture
    def tokens(self, tmp_path: Path) -> Iterator[TokenServer]:
        with token_server(tmp_path / "tokens", {"robot": PASSWORD}) as tokens:
            yield tokens

    @pytest.fixture
    def service(self, tmp_path: Path, tokens: TokenServer) -> Iterator[RunningRegistry]:
        with running_registry(tmp_path / "registry", tokens=tokens) as service:
            for name in (WEB, API):
                service.push_image(name, "1.0.0", labels={"of": name})
            yield service

    def test_one_token_a_repository_serves_a_whole_run(
        self, service: RunningRegistry, tokens: TokenServer, http: HttpClient
    ) -> None:
        registry = connect(service.host, http, ROBOT)
        for name in (WEB, API, WEB, API):
            digest = registry.digest(name, "1.0.0")
            assert digest is not None
            assert read_details(registry, name, digest) is not None
            assert registry.tags(name) == ("1.0.0",)
        assert tokens.grants == [
            Grant("robot", f"repository:{name}:pull", "basic") for name in (WEB, API)
        ]
        refused = [each for each in service.requests() if each.status == 401]
        assert len(refused) == 1, "what the registry asks for is remembered for all repositories"

    def test_a_token_that_ends_during_a_run_is_replaced(
        self, service: RunningRegistry, tokens: TokenServer, http: HttpClient
    ) -> None:
        """Its clock runs ahead of the token server's, which promised five minutes."""
        registry = connect(service.host, http, ROBOT)
        tokens.lifetime = 2
        assert registry.tags(WEB) == ("1.0.0",)
        wait_until_refused(service.host, tokens.tokens[-1])
        tokens.lifetime = 300

        assert registry.tags(WEB) == ("1.0.0",)
        assert registry.digest(WEB, "1.0.0") is not None
        assert len(tokens.grants) == 2

    def test_a_token_that_is_over_when_it_comes_is_an_error_and_no_loop(
        self, service: RunningRegistry, tokens: TokenServer, http: HttpClient
    ) -> None:
        tokens.lifetime = -5
        with pytest.raises(InputError, match=r"refuses 'shop/web' \(401\)"):
            connect(service.host, http, ROBOT).tags(WEB)
        assert len(tokens.grants) <= 2

    def test_a_public_repository_needs_no_password_and_a_private_one_says_so(
        self, service: RunningRegistry, tokens: TokenServer, http: HttpClient
    ) -> None:
        tokens.public = (WEB,)
        nobody = connect(service.host, http)
        assert nobody.tags(WEB) == ("1.0.0",)
        with pytest.raises(InputError, match=r"refuses 'shop/api' \(401\), and no credential"):
            nobody.tags(API)
        assert {(each.user, each.way) for each in tokens.grants} == {(None, "anonymous")}

    def test_who_may_not_read_a_repository_reads_the_others(
        self, service: RunningRegistry, tokens: TokenServer, http: HttpClient
    ) -> None:
        tokens.readable = (WEB,)
        registry = connect(service.host, http, ROBOT)
        with pytest.raises(InputError, match=r"'shop/api' \(401\) although .* user 'robot'"):
            registry.tags(API)
        assert registry.tags(WEB) == ("1.0.0",)

    def test_a_wrong_password_is_told_by_the_token_server(
        self, service: RunningRegistry, tokens: TokenServer, http: HttpClient
    ) -> None:
        wrong = Credential("robot", f"{PASSWORD}-wrong")
        with pytest.raises(InputError, match=r"gives no token to pull 'shop/web' \(401\)") as told:
            connect(service.host, http, wrong).tags(WEB)
        assert "canary" not in str(told.value)
        assert tokens.refusals == [f"repository:{WEB}:pull"]

    def test_an_identity_token_is_traded_by_post(
        self, service: RunningRegistry, tokens: TokenServer, http: HttpClient
    ) -> None:
        identity = tokens.give_identity_token("robot")
        registry = connect(service.host, http, Credential("", identity, "identity-token"))
        assert registry.tags(WEB) == ("1.0.0",)
        assert tokens.grants == [Grant("robot", f"repository:{WEB}:pull", "refresh_token")]

        del tokens.identity_tokens[identity]
        with pytest.raises(InputError, match="the identity token") as told:
            registry.tags(API)
        assert identity not in str(told.value)

    def test_a_bearer_token_is_sent_as_it_is(
        self, service: RunningRegistry, tokens: TokenServer, http: HttpClient
    ) -> None:
        access: dict[str, object] = {"type": "repository", "name": WEB, "actions": ["pull"]}
        token = Credential("", tokens.mint("robot", [access]), "registry-token")
        assert connect(service.host, http, token).tags(WEB) == ("1.0.0",)
        assert tokens.grants == []


def wait_until_refused(host: str, token: str) -> None:
    """Ask past our own client until the registry holds the token for over."""
    pool = urllib3.PoolManager()
    headers = {"Authorization": f"Bearer {token}"}
    deadline = time.monotonic() + 10
    while pool.request("GET", f"http://{host}/v2/{WEB}/tags/list", headers=headers).status != 401:
        assert time.monotonic() < deadline, "the registry takes the token for ever"
        threading.Event().wait(0.05)
    pool.clear()


class TestHelpers:
    """A credential helper that is a real executable on PATH, named by docker's configuration."""

    def configure(self, folder: Path, host: str, helper: CredentialHelper) -> dict[str, str]:
        """Docker's configuration for a host; the environment that finds all of it."""
        config = folder / "docker/config.json"
        config.parent.mkdir()
        name = helper.program.name.removeprefix("docker-credential-")
        config.write_text(json.dumps({"credHelpers": {host: name}}))
        path = f"{helper.program.parent}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "DOCKER_CONFIG": str(config.parent), "HOME": str(folder)}

    def test_what_it_says_opens_the_registry_and_is_asked_once(
        self, tmp_path: Path, http: HttpClient
    ) -> None:
        helper = CredentialHelper.install(tmp_path / "bin", "vault")
        with running_registry(tmp_path / "r", username="robot", password=PASSWORD) as service:
            service.push_image(WEB, "1.0.0")
            helper.behave({service.host: ("robot", PASSWORD)})
            environment = self.configure(tmp_path, service.host, helper)
            given = Credentials.load(None, environment=environment).of(service.host)
            registry = DistributionRegistry(service.host, http, given, plain_http=True)
            assert registry.tags(WEB) == ("1.0.0",)
            assert registry.digest(WEB, "1.0.0") is not None
        (call,) = helper.calls
        assert (call.arguments, call.stdin) == (("get",), service.host)
        assert "canary" not in str(call)

    def test_it_is_asked_again_when_the_registry_refuses_what_it_said(
        self, tmp_path: Path, http: HttpClient
    ) -> None:
        """A password that was changed while the bot runs."""
        helper = CredentialHelper.install(tmp_path / "bin", "vault")
        with running_registry(tmp_path / "r", username="robot", password=PASSWORD) as service:
            service.push_image(WEB, "1.0.0")
            helper.behave({service.host: ("robot", "of-yesterday-9a")})
            environment = self.configure(tmp_path, service.host, helper)
            given = Credentials.load(None, environment=environment).of(service.host)
            assert given(WEB) == Credential(
                "robot", "of-yesterday-9a", origin="docker-credential-vault"
            )
            helper.behave({service.host: ("robot", PASSWORD)})
            registry = DistributionRegistry(service.host, http, given, plain_http=True)
            assert registry.tags(WEB) == ("1.0.0",)
            assert len(helper.calls) == 2

    def test_an_identity_token_of_a_helper(self, tmp_path: Path, http: HttpClient) -> None:
        helper = CredentialHelper.install(tmp_path / "bin", "acr")
        with (
            token_server(tmp_path / "tokens", {"robot": PASSWORD}) as tokens,
            running_registry(tmp_path / "registry", tokens=tokens) as service,
        ):
            service.push_image(WEB, "1.0.0")
            identity = tokens.give_identity_token("robot")
            helper.behave({service.host: (IDENTITY_TOKEN, identity)})
            environment = self.configure(tmp_path, service.host, helper)
            given = Credentials.load(None, environment=environment).of(service.host)
            registry = DistributionRegistry(service.host, http, given, plain_http=True)
            assert registry.tags(WEB) == ("1.0.0",)
            assert tokens.grants == [Grant("robot", f"repository:{WEB}:pull", "refresh_token")]


class TestTls:
    def test_an_authority_of_ones_own_must_be_trusted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority = Authority.make(tmp_path / "authority")
        with running_registry(tmp_path / "registry", authority=authority) as service:
            digest = service.push_image(WEB, "1.0.0")
            with pytest.raises(InputError, match="certificate is not trusted") as told:
                over_tls(service, TlsIdentity()).tags(WEB)
            assert "SSL_CERT_FILE" in str(told.value)
            assert "ca-file" in str(told.value)
            assert over_tls(service, TlsIdentity((authority.certificate,))).tags(WEB) == ("1.0.0",)

            monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
            assert over_tls(service, TlsIdentity()).digest(WEB, "1.0.0") == digest

    def test_plain_http_where_it_speaks_tls(self, tmp_path: Path, http: HttpClient) -> None:
        authority = Authority.make(tmp_path)
        with running_registry(tmp_path / "registry", authority=authority) as service:
            with pytest.raises(InputError) as caught:
                connect(service.host, http).digest(WEB, "1.0.0")
            said = f"{service.host} speaks TLS, and was asked over plain HTTP; write https://"
            assert str(caught.value).startswith(said)

    def test_another_authority_is_not_believed(self, tmp_path: Path) -> None:
        authority, other = (Authority.make(tmp_path / name, name) for name in ("right", "wrong"))
        with running_registry(tmp_path / "registry", authority=authority) as service:
            with pytest.raises(InputError, match=r"not trusted .*, not by the CAs in .*wrong\.crt"):
                over_tls(service, TlsIdentity((other.certificate,))).tags(WEB)
            assert service.requests() == []

    def test_a_client_proves_itself_with_a_certificate(self, tmp_path: Path) -> None:
        authority = Authority.make(tmp_path / "authority")
        robot = authority.issue("robot", for_server=False)
        late = authority.issue("late", for_server=False, ended=True)
        ca = (authority.certificate,)
        with running_registry(tmp_path / "registry", authority=authority, client=robot) as service:
            service.push_image(WEB, "1.0.0")
            with pytest.raises(InputError, match="wants a client certificate, and there is none"):
                over_tls(service, TlsIdentity(ca)).tags(WEB)
            with pytest.raises(InputError, match=r"refuses the client certificate .*late\.crt"):
                over_tls(service, TlsIdentity(ca, late.certificate, late.key)).tags(WEB)
            known = TlsIdentity(ca, robot.certificate, robot.key)
            assert over_tls(service, known).tags(WEB) == ("1.0.0",)

    def test_a_folder_as_docker_has_it_is_enough(self, tmp_path: Path) -> None:
        authority = Authority.make(tmp_path / "authority")
        robot = authority.issue("robot", for_server=False)
        with running_registry(tmp_path / "registry", authority=authority, client=robot) as service:
            service.push_image(WEB, "1.0.0")
            folder = tmp_path / "certs.d" / service.host
            folder.mkdir(parents=True)
            (folder / "ca.crt").write_bytes(authority.certificate.read_bytes())
            (folder / "client.cert").write_bytes(robot.certificate.read_bytes())
            (folder / "client.key").write_bytes(robot.key.read_bytes())
            identities = Identities(lambda _: None, [tmp_path / "certs.d"])
            http = HttpClient(proxies={}, pause=lambda _: None, identities=identities)
            assert connect(service.host, http, plain_http=False).tags(WEB) == ("1.0.0",)

    def test_tokens_over_tls(self, tmp_path: Path) -> None:
        authority = Authority.make(tmp_path / "authority")
        users = {"robot": PASSWORD}
        with (
            token_server(tmp_path / "t", users, tls=authority.issue("tokens")) as tokens,
            running_registry(tmp_path / "registry", tokens=tokens, authority=authority) as service,
        ):
            service.push_image(WEB, "1.0.0")
            trusting = TlsIdentity((authority.certificate,))
            assert over_tls(service, trusting, ROBOT).tags(WEB) == ("1.0.0",)
            assert len(tokens.grants) == 1

    def test_tokens_of_a_registry_over_tls_are_not_fetched_over_plain_http(
        self, tmp_path: Path
    ) -> None:
        authority = Authority.make(tmp_path / "authority")
        with (
            token_server(tmp_path / "tokens", {"robot": PASSWORD}) as tokens,
            running_registry(tmp_path / "registry", tokens=tokens, authority=authority) as service,
            pytest.raises(InputError, match="wants its tokens fetched over plain HTTP"),
        ):
            over_tls(service, TlsIdentity((authority.certificate,)), ROBOT).tags(WEB)
        assert tokens.grants == []


def over_tls(
    to: RunningRegistry, identity: TlsIdentity, credential: Credential | None = None
) -> DistributionRegistry:
    def identities(_: Origin) -> TlsIdentity:
        return identity

    http = HttpClient(proxies={}, tries=1, pause=lambda _: None, identities=identities)
    return connect(to.host, http, credential, plain_http=False)


def test_a_notification_names_what_the_client_reads(tmp_path: Path, http: HttpClient) -> None:
    with (
        notification_receiver() as receiver,
        running_registry(tmp_path, notify=receiver) as service,
    ):
        pushed = service.push_image(WEB, "1.0.0", platforms=("linux/amd64", "linux/arm64/v8"))
        event = receiver.wait_for("push", WEB, tag="1.0.0")
        registry = connect(service.host, http)
        assert event.tag is not None
        assert registry.tags(event.repository) == (event.tag,)
        assert registry.digest(event.repository, event.tag) == event.digest == pushed
        assert event.media_type == "application/vnd.oci.image.index.v1+json"
        tagged = [each for each in receiver.events if each.action == "push" and each.tag]
        assert len(tagged) == 1, "blobs and the index's own images come without a tag"


def test_referrers_are_found_by_the_fallback_tag(
    open_registry: RunningRegistry, http: HttpClient
) -> None:
    name = "referred/web"
    digest = open_registry.push_image(name, "1.0.0")
    other = open_registry.push_image(name, "1.1.0", labels={"other": "yes"})
    registry = connect(open_registry.host, http)
    assert registry.referrers(name, digest) == ()

    signature = open_registry.push_referrer(name, digest, "application/vnd.test.signature")
    bill = open_registry.push_referrer(
        name, digest, "application/spdx+json", {"org.opencontainers.image.title": "bill"}
    )

    found = {
        each.digest: each for each in connect(open_registry.host, http).referrers(name, digest)
    }
    assert found.keys() == {signature, bill}
    assert found[signature].artifact_type == "application/vnd.test.signature"
    assert found[bill].annotations == (("org.opencontainers.image.title", "bill"),)
    assert registry.manifest(name, bill) is not None
    assert registry.referrers(name, other) == ()


def test_a_chart_without_a_media_type_in_its_manifest(
    open_registry: RunningRegistry, http: HttpClient
) -> None:
    digest = open_registry.push_chart("charts/web", "1.2.0")
    registry = connect(open_registry.host, http)
    assert registry.tags("charts/web") == ("1.2.0",)
    assert registry.digest("charts/web", "1.2.0") == digest
    manifest = registry.manifest("charts/web", digest)
    assert manifest is not None
    assert b"mediaType" not in manifest.partition(b'"config"')[0]
    details = read_details(registry, "charts/web", digest)
    assert details is not None
    assert details.platforms == ()

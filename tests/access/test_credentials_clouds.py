"""Tokens of Google's and Azure's registries; the servers check what they are sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.credentials.clouds import azure
from promoter.access.credentials.renewed import Lease
from promoter.access.credentials.surroundings import Surroundings
from promoter.access.http import HttpClient, Response
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError
from tests.services.misbehaving import Answer, Request, Server, json_answer, serving

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GOOGLE = "europe-docker.pkg.dev"
GOOGLE_TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"
AZURE = "shop.azurecr.io"
NOBODY = "00000000-0000-0000-0000-000000000000"


class Rerouted(HttpClient):
    """Finds one server elsewhere, as a name server of one's own would have it."""

    def __init__(self, name: str, place: str) -> None:
        super().__init__(proxies={}, pause=lambda _: None)
        self._name = name
        self._place = place

    def request(self, method: str, url: str, **more: Any) -> Response:
        return super().request(method, url.replace(self._name, self._place), **more)


class Cloud:
    """A server for all of a cloud's endpoints, and a machine beside it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.time = 0.0
        self.http = HttpClient(proxies={}, pause=lambda _: None)
        self.base = f"http://{server.host}"
        self.environment: dict[str, str] = {}

    def load(self, ours: str) -> Credentials:
        file = self.folder / "credentials.yaml"
        file.write_text(ours)
        return Credentials.load(
            file,
            environment=self.environment,
            http=lambda: self.http,
            now=lambda: NOW,
            clock=lambda: self.time,
        )

    def exchange(self) -> Lease:
        """Azure's, with the registry served here."""
        http = Rerouted(f"https://{AZURE}/", f"{self.base}/")
        try:
            around = Surroundings(self.environment, lambda: http, lambda: http, lambda: NOW)
            return azure.fetch(AZURE, around)
        finally:
            http.close()


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with serving({}) as server:
        cloud = Cloud(server, tmp_path)
        yield cloud
        cloud.http.close()


def form(request: Request) -> dict[str, str]:
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


class TestGoogle:
    @pytest.fixture(autouse=True)
    def _metadata(self, cloud: Cloud) -> None:
        cloud.environment["GCE_METADATA_HOST"] = cloud.server.host
        cloud.server.answers["GET", GOOGLE_TOKEN] = json_answer(
            {"access_token": "canary-google", "expires_in": 3599, "token_type": "Bearer"}
        )

    @pytest.mark.parametrize("ours", ["", f"{GOOGLE}: {{from: google}}"])
    def test_a_token_of_the_metadata_server(self, cloud: Cloud, ours: str) -> None:
        expected = Credential(
            "oauth2accesstoken", "canary-google", "password", "Google's metadata server"
        )
        ask = cloud.load(ours).of(GOOGLE)
        assert [ask("shop/web") for _ in range(3)] == [expected] * 3
        (request,) = cloud.server.asked("GET", GOOGLE_TOKEN)
        assert request.header("Metadata-Flavor") == "Google"
        assert redact("canary-google") == "***"

    @pytest.mark.parametrize("host", ["gcr.io", "eu.gcr.io", "us-east1-docker.pkg.dev"])
    def test_its_hosts(self, cloud: Cloud, host: str) -> None:
        assert cloud.load("").of(host)("shop/web") is not None

    @pytest.mark.parametrize("host", ["gcr.io.evil.org", "evilgcr.io", "gcr.io:5000", "k8s.io"])
    def test_other_hosts(self, cloud: Cloud, host: str) -> None:
        assert cloud.load("").of(host)("shop/web") is None
        with pytest.raises(InputError, match="is no registry of Google's"):
            cloud.load(f"{host}: {{from: google}}").of(host)("shop/web")
        assert cloud.server.requests == []

    def test_a_host_alone_is_not_enough(self, cloud: Cloud) -> None:
        cloud.environment.clear()
        assert cloud.load("").of(GOOGLE)("shop/web") is None

    def test_a_token_near_its_end_is_good_for_what_is_left(self, cloud: Cloud) -> None:
        """The metadata server hands out a token until some minutes before its end."""
        near = json_answer({"access_token": "canary-1", "expires_in": 250})
        late = json_answer({"access_token": "canary-2", "expires_in": 3600})
        cloud.server.answers["GET", GOOGLE_TOKEN] = [near, late]
        ask = cloud.load("").of(GOOGLE)
        found = []
        for cloud.time in (0.0, 224.0, 226.0):
            credential = ask("shop/web")
            assert credential is not None
            found.append(credential.password)
        assert found == ["canary-1", "canary-1", "canary-2"]

    def test_the_metadata_server_sends_nobody_elsewhere(self, cloud: Cloud) -> None:
        """It would take what proves who asks with it."""
        with serving({("GET", "/token"): json_answer({"access_token": "canary"})}) as other:
            moved = Answer(307, {"Location": f"http://{other.host}/token"})
            cloud.server.answers["GET", GOOGLE_TOKEN] = moved
            with pytest.raises(InputError, match=r"metadata server .* refuses \(307\)"):
                cloud.load("").of(GOOGLE)("shop/web")
            assert other.requests == []

    def test_a_key_file_is_the_password_itself(self, cloud: Cloud) -> None:
        key = json.dumps({"type": "service_account", "private_key": "canary\n"}, indent=2)
        file = cloud.folder / "key.json"
        file.write_text(f"{key}\n")
        cloud.environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
        found = cloud.load("").of(GOOGLE)("shop/web")
        assert found == Credential("_json_key", key, "password", f"the key file {file}")
        assert cloud.server.requests == []

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "can't be read: No such file"),
            ("canary", "is not a key in JSON"),
            ('["canary"]', "is not a key in JSON"),
            ('{"type": "authorized_user", "x": "canary"}', "must be the key of a service account"),
        ],
    )
    def test_a_key_file_that_is_none(self, cloud: Cloud, content: str | None, message: str) -> None:
        file = cloud.folder / "key.json"
        if content is not None:
            file.write_text(content)
        cloud.environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
        with pytest.raises(InputError) as caught:
            cloud.load("").of(GOOGLE)("shop/web")
        assert str(caught.value).startswith(f"{file}: GOOGLE_APPLICATION_CREDENTIALS {message}")
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize(
        ("answer", "kind", "message"),
        [
            (Answer(404, {}, b"canary"), InputError, r"metadata server .* refuses \(404\)$"),
            (Answer(500), TransientError, "is in trouble"),
            (json_answer({"access_token": "canary-g"}), TransientError, "no usable 'expires_in'"),
            (
                json_answer({"access_token": "a\r\nHost: b", "expires_in": 9}),
                TransientError,
                "no usable 'access_token'",
            ),
            (
                json_answer({"access_token": "canary-g", "expires_in": True}),
                TransientError,
                "no usable 'expires_in'",
            ),
            *(
                (
                    Answer(200, {}, f'{{"access_token": "canary-g", "expires_in": {n}}}'.encode()),
                    TransientError,
                    "no usable 'expires_in'",
                )
                for n in ("NaN", "1e999", "1" + "0" * 400, "-1", '"soon"', "[9]")
            ),
            (
                json_answer({"error": {"status": "UNAVAILABLE", "message": "later"}}, 403),
                InputError,
                "UNAVAILABLE: later",
            ),
        ],
    )
    def test_trouble(
        self, cloud: Cloud, answer: Answer, kind: type[Exception], message: str
    ) -> None:
        cloud.server.answers["GET", GOOGLE_TOKEN] = answer
        with pytest.raises(kind, match=message) as caught:
            cloud.load(f"{GOOGLE}: {{from: google}}").of(GOOGLE)("shop/web")
        assert str(caught.value).startswith(f"{cloud.folder}/credentials.yaml:1:1: {GOOGLE}: ")
        assert "canary" not in str(caught.value)


def refresh_token(ends: float | None = 3 * 3600) -> str:
    """A JWT as the registry signs it; None: without an end."""
    claims = {"iss": "Azure Container Registry"}
    payload = claims if ends is None else {**claims, "exp": NOW.timestamp() + ends}
    return claiming(json.dumps(payload))


def claiming(payload: str) -> str:
    middle = base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{middle}.canary-signature"


class TestAzure:
    @pytest.fixture(autouse=True)
    def _registry(self, cloud: Cloud) -> None:
        cloud.server.answers["POST", "/oauth2/exchange"] = json_answer(
            {"refresh_token": refresh_token()}
        )

    def federate(self, cloud: Cloud) -> None:
        token = cloud.folder / "token"
        token.write_text("canary-service-account")
        cloud.environment |= {
            "AZURE_FEDERATED_TOKEN_FILE": str(token),
            "AZURE_CLIENT_ID": "client",
            "AZURE_TENANT_ID": "tenant",
            "AZURE_AUTHORITY_HOST": f"{cloud.base}/",
        }
        cloud.server.answers["POST", "/tenant/oauth2/v2.0/token"] = json_answer(
            {"access_token": "canary-entra", "expires_in": 3599, "token_type": "Bearer"}
        )

    def check_exchanged(self, cloud: Cloud, **more: str) -> None:
        (request,) = cloud.server.asked("POST", "/oauth2/exchange")
        assert form(request) == {
            "grant_type": "access_token",
            "service": AZURE,
            "access_token": "canary-entra",
            **more,
        }

    def test_a_workload_identity(self, cloud: Cloud) -> None:
        self.federate(cloud)
        lease = cloud.exchange()
        assert lease.credential == Credential(
            NOBODY, refresh_token(), "identity-token", "Azure's token exchange"
        )
        assert lease.lifetime == 3 * 3600
        (request,) = cloud.server.asked("POST", "/tenant/oauth2/v2.0/token")
        assert form(request) == {
            "grant_type": "client_credentials",
            "client_id": "client",
            "scope": "https://containerregistry.azure.net/.default",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": "canary-service-account",
        }
        self.check_exchanged(cloud, tenant="tenant")
        assert redact(f"canary-entra {refresh_token()}") == "*** ***"

    def test_the_managed_identity_of_a_machine(self, cloud: Cloud) -> None:
        path = "/metadata/identity/oauth2/token"
        cloud.environment |= {
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": cloud.base,
            "AZURE_CLIENT_ID": "client",
        }
        cloud.server.answers["GET", path] = json_answer(
            {"access_token": "canary-entra", "expires_in": "3599"}
        )
        assert cloud.exchange().credential is not None
        (request,) = cloud.server.asked("GET", path)
        assert request.header("Metadata") == "true"
        assert parse_qs(urlsplit(request.path).query) == {
            "api-version": ["2018-02-01"],
            "resource": ["https://containerregistry.azure.net"],
            "client_id": ["client"],
        }
        self.check_exchanged(cloud)

    def test_the_managed_identity_of_a_container_app(self, cloud: Cloud) -> None:
        cloud.environment |= {
            "IDENTITY_ENDPOINT": f"{cloud.base}/msi/token",
            "IDENTITY_HEADER": "canary-header",
        }
        cloud.server.answers["GET", "/msi/token"] = json_answer({"access_token": "canary-entra"})
        assert cloud.exchange().credential is not None
        (request,) = cloud.server.asked("GET", "/msi/token")
        assert request.header("X-IDENTITY-HEADER") == "canary-header"
        assert "api-version=2019-08-01" in request.path
        self.check_exchanged(cloud)

    @pytest.mark.parametrize(
        ("token", "lifetime"),
        [
            (refresh_token(-5), 60.0),
            (refresh_token(None), 3600.0),
            ("opaque-token", 3600.0),
            ("a.b.c", 3600.0),
            ("a.bnVsbA.c", 3600.0),
            (claiming('{"exp": NaN}'), 3600.0),
            (claiming('{"exp": 1e999}'), 3600.0),
            (claiming(f'{{"exp": 1{"0" * 400}}}'), 3600.0),
            (claiming('{"exp": true}'), 3600.0),
            (claiming("[]"), 3600.0),
        ],
    )
    def test_when_it_ends(self, cloud: Cloud, token: str, lifetime: float) -> None:
        self.federate(cloud)
        cloud.server.answers["POST", "/oauth2/exchange"] = json_answer({"refresh_token": token})
        assert cloud.exchange().lifetime == lifetime

    def test_what_is_implied_and_what_is_not(self) -> None:
        federated = {
            "AZURE_FEDERATED_TOKEN_FILE": "/token",
            "AZURE_CLIENT_ID": "client",
            "AZURE_TENANT_ID": "tenant",
        }
        assert azure.is_implied(AZURE, federated)
        assert azure.is_implied("shop.azurecr.cn", federated)
        assert not azure.is_implied(AZURE, {"AZURE_CLIENT_ID": "client"})
        for host in ("shop.azurecr.io.evil.org", "azurecr.io", "shop.azurecr.io:5000", "ghcr.io"):
            assert not azure.is_implied(host, federated)

    def test_another_host(self, cloud: Cloud) -> None:
        with pytest.raises(InputError, match=r"a\.example\.com is no registry of Azure's"):
            cloud.load("a.example.com: {from: azure}").of("a.example.com")("shop/web")

    @pytest.mark.parametrize("url", ["http://login.example.com", "http://[::1", "login"])
    def test_no_token_goes_to_an_authority_in_clear(self, cloud: Cloud, url: str) -> None:
        self.federate(cloud)
        cloud.environment["AZURE_AUTHORITY_HOST"] = url
        with pytest.raises(InputError, match="AZURE_AUTHORITY_HOST must be an https address"):
            cloud.exchange()

    def test_what_entra_says(self, cloud: Cloud) -> None:
        self.federate(cloud)
        said = {
            "error": "invalid_client",
            "error_description": "AADSTS700024: canary-service-account",
        }
        cloud.server.answers["POST", "/tenant/oauth2/v2.0/token"] = json_answer(said, 401)
        with pytest.raises(InputError) as caught:
            cloud.exchange()
        assert str(caught.value) == (
            f"Microsoft Entra ID ({cloud.server.host}) refuses (401): invalid_client:"
            " AADSTS700024: ***"
        )

    def test_what_the_registry_says(self, cloud: Cloud) -> None:
        self.federate(cloud)
        said = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
        cloud.server.answers["POST", "/oauth2/exchange"] = json_answer(said, 401)
        with pytest.raises(InputError, match=r"refuses \(401\): UNAUTHORIZED: authentication req"):
            cloud.exchange()

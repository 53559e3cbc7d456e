"""A canary in every place a secret comes from: it stays there."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.http import HttpClient
from promoter.access.redaction import redact
from promoter.errors import InputError, PromoterError, TransientError
from tests.services.credential_helper import CredentialHelper
from tests.services.misbehaving import Answer, Server, json_answer, serving

CANARY = "kanarie/Pa ss+w0rd=="  # spelled so that no traceback names it by this file
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
HOSTS = ("written", "file", "env", "helper", "pull", "docker", "token")


class Planted:
    """The canary in every place, and credentials that read all of them."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.helper = CredentialHelper.install(folder / "bin", "nest", {})
        self.helper.behave({"helper.example.com": ("bob", f"{CANARY}-helper")})
        (folder / "secret").write_text(f"{CANARY}-file")
        docker = folder / ".docker/config.json"
        docker.parent.mkdir()
        auth = base64.b64encode(f"bob:{CANARY}-docker".encode()).decode()
        docker.write_text(json.dumps({"auths": {"docker.example.com": {"auth": auth}}}))
        self.pull = folder / "pull.json"
        self.pull.write_text(
            json.dumps({"auths": {"pull.example.com": {"identitytoken": f"{CANARY}-pull"}}})
        )
        self.file = folder / "credentials.yaml"
        self.file.write_text(
            f"written.example.com: {{password: '{CANARY}-written'}}\n"
            f"token.example.com: {{identity-token: '{CANARY}-token'}}\n"
            f"file.example.com: {{password-file: {folder / 'secret'}}}\n"
            "env.example.com: {password-env: NEST}\n"
            "helper.example.com: {helper: nest}\n"
            f"{ECR}: {{from: aws}}\n"
        )
        self.http = HttpClient(proxies={}, pause=lambda _: None)
        self.environment = {
            "HOME": str(folder),
            "PATH": str(folder / "bin"),
            "NEST": f"{CANARY}-env",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": f"{CANARY}-aws",
            "AWS_ENDPOINT_URL_ECR": f"http://{server.host}",
        }
        self.credentials = Credentials.load(
            self.file,
            (self.pull,),
            environment=self.environment,
            http=lambda: self.http,
            now=lambda: datetime(2026, 11, 20, tzinfo=UTC),
        )

    def ask(self, host: str) -> Credential | None:
        return self.credentials.of(host)("shop/web")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({}) as server:
        yield server


@pytest.fixture
def planted(tmp_path: Path, server: Server) -> Iterator[Planted]:
    planted = Planted(tmp_path, server)
    yield planted
    planted.http.close()


def forms(secret: str) -> list[str]:
    return [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()]


@pytest.mark.parametrize("host", HOSTS)
def test_what_was_read_is_masked_in_each_form_and_shown_by_no_repr(
    planted: Planted, host: str
) -> None:
    found = planted.ask(f"{host}.example.com")
    assert found is not None
    assert found.password == f"{CANARY}-{host}"
    pair = f"{found.username}:{found.password}"
    for form in [*forms(found.password), base64.b64encode(pair.encode()).decode()]:
        assert form not in redact(f"curl -H 'Authorization: {form}'")
    known = vars(planted.credentials)
    shown = f"{found!r} {planted.credentials!r} {known!r} {planted.credentials._entries()!r}"
    assert "kanarie" not in shown


def test_a_cloud_that_repeats_what_it_was_sent(
    planted: Planted, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    token = base64.b64encode(f"AWS:{CANARY}-ecr".encode()).decode()
    data = {"authorizationToken": token, "expiresAt": 2e9}
    server.answers["POST", "/"] = json_answer({"authorizationData": [data]})
    with caplog.at_level(logging.DEBUG):
        first = planted.ask(ECR)
        assert first is not None
        assert first.password == f"{CANARY}-ecr"
        said = {"__type": "AccessDenied", "message": f"{CANARY}-aws {CANARY}-ecr {token}"}
        server.answers["POST", "/"] = json_answer(said, 400)
        # The old one was refused, so that the trouble is told.
        with pytest.raises(InputError) as caught:
            planted.credentials.of(ECR)("shop/web", first)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "AccessDenied: *** *** ***" in told
    assert "POST / HTTP/1.1" in told
    assert not [form for form in (CANARY, *forms(f"{CANARY}-ecr"), token) if form in told]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {}, CANARY.encode()),
        Answer(403, {}, CANARY.encode()),
        Answer(
            200, {}, json.dumps({"authorizationData": [{"authorizationToken": CANARY}]}).encode()
        ),
        Answer(200, {}, json.dumps({"authorizationData": CANARY}).encode()),
        Answer(302, {"Location": f"https://bob:{quote(CANARY)}@example.com/?{quote(CANARY)}"}),
        Answer(200, {}, CANARY.encode(), truncated=True),
    ],
)
def test_a_cloud_that_answers_nonsense(planted: Planted, server: Server, answer: Answer) -> None:
    server.answers["POST", "/"] = answer
    with pytest.raises((InputError, TransientError)) as caught:
        planted.ask(ECR)
    told = "".join(traceback.format_exception(caught.value))
    assert "kanarie" not in told


def test_a_helper_that_fails_with_the_secret_on_its_lips(planted: Planted) -> None:
    first = planted.ask("helper.example.com")
    planted.helper.behave({}, stdout=f"can't unlock with {CANARY}-helper", code=1)
    with pytest.raises(PromoterError) as caught:
        planted.credentials.of("helper.example.com")("shop/web", first)
    told = "".join(traceback.format_exception(caught.value))
    assert "can't unlock with ***" in told
    assert "kanarie" not in told


def test_each_secret_is_in_no_file_but_its_own(planted: Planted, tmp_path: Path) -> None:
    before = {file for file in tmp_path.rglob("*") if file.is_file()}
    for host in HOSTS:
        assert planted.ask(f"{host}.example.com") is not None
    calls = tmp_path / "bin/.nest/calls"  # what the helper was told: not a word of it
    after = {file for file in tmp_path.rglob("*") if file.is_file()}
    assert after - before == {calls}
    (call,) = planted.helper.calls
    inherited = {name: call.environment.get(name) for name in planted.environment}
    assert inherited == planted.environment
    assert "kanarie" not in f"{call.arguments} {call.stdin}"
    added = {each for name, each in call.environment.items() if name not in planted.environment}
    assert "kanarie" not in " ".join(added)

"""The credentials file: whole hosts or one clear message, and never a value in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.redaction import redact
from promoter.access.tls import TlsIdentity
from promoter.errors import InputError


@pytest.fixture
def file(workdir: Path) -> Path:
    return workdir / "credentials.yaml"


def replace(file: Path, text: str) -> None:
    """As a rotated Secret is: another file under the same name."""
    new = file.with_name("new")
    new.write_text(text)
    new.replace(file)


def load(file: Path, text: str) -> Credentials:
    file.write_text(text)
    return Credentials.load(file)


def test_each_way_to_a_password(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "harbor").write_text("canary-in-file\n")
    monkeypatch.setenv("GIT_TOKEN", "canary-in-env")
    credentials = load(
        file,
        """\
Harbor.example.com: {username: robot$promoter, password-file: harbor}
git.example.com: {password-env: GIT_TOKEN}
localhost:5000: {username: ci, password: "0123"}
""",
    )
    assert credentials.for_host("HARBOR.example.com") == Credential(
        "robot$promoter", "canary-in-file"
    )
    assert credentials.for_host("git.example.com") == Credential("promoter", "canary-in-env")
    assert credentials.for_host("localhost:5000") == Credential("ci", "0123")
    assert credentials.for_host("example.com") is None
    assert "canary" not in redact("canary-in-file canary-in-env")
    assert credentials.of("harbor.example.com")("shop/web") == Credential(
        "robot$promoter", "canary-in-file"
    )


def test_each_way_to_an_identity_token(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "token").write_text("canary-in-file\n")
    monkeypatch.setenv("ACR_TOKEN", "canary-in-env")
    credentials = load(
        file,
        """\
a.example.com: {identity-token: canary-as-it-is}
b.example.com: {identity-token-file: token, username: nobody}
c.example.com: {identity-token-env: ACR_TOKEN}
""",
    )
    found = [credentials.of(f"{each}.example.com")("shop/web") for each in "abc"]
    assert found == [
        Credential("promoter", "canary-as-it-is", "identity-token"),
        Credential("nobody", "canary-in-file", "identity-token"),
        Credential("promoter", "canary-in-env", "identity-token"),
    ]
    with pytest.raises(InputError, match=r"b\.example\.com: only registries take this kind"):
        credentials.for_host("b.example.com")


def test_a_literal_secret_is_masked_before_anyone_asks(file: Path) -> None:
    load(file, "a.example.com: {password: canary-early}\nb.c: {identity-token: canary-soon}")
    assert redact("canary-early canary-soon") == "*** ***"


def test_what_reads_rules_is_loaded_for_a_message_only() -> None:
    """Every command starts with the credentials, also those that read no rule."""
    code = "import promoter.access.credentials as _, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "promoter.access.credentials.hosts_file" in loaded
    assert not loaded & {"promoter.rules", "urllib3", "ruamel.yaml"}


def test_docker_hub_has_one_name(file: Path) -> None:
    credentials = load(file, "index.docker.io: {username: shop, password: canary}")
    hub = Credential("shop", "canary")
    assert credentials.of("docker.io")("library/nginx") == hub
    assert credentials.of("registry-1.docker.io")("library/nginx") == hub


class TestGlobs:
    FILE = """\
"*.example.com": {username: glob, password: canary}
"*-eu.example.com": {username: closer, password: canary}
shop.example.com: {username: exact, password: canary}
"*.example.com:5000": {username: port, password: canary}
"""

    @pytest.mark.parametrize(
        ("host", "user"),
        [
            ("shop.example.com", "exact"),
            ("web.example.com", "glob"),
            ("web-eu.example.com", "closer"),
            ("web.example.com:5000", "port"),
            ("shop.example.com:5000", "port"),
            ("web.example.com:443", None),
            ("a.web.example.com", None),
            ("example.com", None),
            ("webXexample.com", None),
            ("web.example.com.evil.org", None),
        ],
    )
    def test_the_most_precise_key_wins_and_none_reaches_further(
        self, file: Path, host: str, user: str | None
    ) -> None:
        found = load(file, self.FILE).for_host(host)
        assert (found and found.username) == user


class TestTls:
    def test_files_for_tls_stand_beside_a_credential_or_alone(self, file: Path) -> None:
        credentials = load(
            file,
            """\
"*.example.com": {ca-file: /etc/ssl/shop.pem}
a.example.com: {username: ci, password: canary}
b.example.com:8443: {certificate-file: b.pem, key-file: b.key, password: canary}
""",
        )
        shop = TlsIdentity((Path("/etc/ssl/shop.pem"),))
        assert credentials.tls_for("a.example.com") == shop
        assert credentials.tls_for("b.example.com:8443") == TlsIdentity(
            (), Path("b.pem"), Path("b.key")
        )
        assert credentials.tls_for("b.example.com") == shop
        assert credentials.tls_for("other.org") is None
        assert credentials.for_host("a.example.com") == Credential("ci", "canary")
        assert credentials.for_host("c.example.com") is None


class TestRotation:
    def test_a_secret_in_a_file_is_read_again_when_it_changed(self, file: Path) -> None:
        secret = file.parent / "secret"
        secret.write_text("canary-one")
        ask = load(file, "a.example.com: {password-file: secret}").of("a.example.com")
        first = ask("shop/web")
        assert first == Credential("promoter", "canary-one")
        assert ask("shop/web", first) == first
        replace(secret, "canary-two")
        assert ask("shop/web", first) == Credential("promoter", "canary-two")
        secret.unlink()
        with pytest.raises(InputError, match=r"password-file secret can't be read: No such file"):
            ask("shop/web")
        secret.write_text("canary-3")
        assert ask("shop/web") == Credential("promoter", "canary-3")
        assert redact("canary-one canary-two canary-3") == "*** *** ***"

    def test_the_file_itself_is_read_again_when_it_changed(self, file: Path) -> None:
        credentials = load(file, "a.example.com: {password: canary-one}")
        replace(file, "b.example.com: {password: canary-two}")
        assert credentials.for_host("a.example.com") is None
        assert credentials.for_host("b.example.com") == Credential("promoter", "canary-two")
        replace(file, "b.example.com: [")
        with pytest.raises(InputError, match=r"credentials\.yaml:1:\d+: is not YAML"):
            credentials.for_host("b.example.com")

    def test_a_pipe_is_read_once(self, file: Path) -> None:
        read, write = os.pipe()
        os.write(write, b"a.example.com: {password: canary}")
        os.close(write)
        try:
            credentials = Credentials.load(Path(f"/dev/fd/{read}"))
            for _ in range(2):
                assert credentials.for_host("a.example.com") == Credential("promoter", "canary")
        finally:
            os.close(read)


class TestBadInput:
    @pytest.mark.parametrize("value", ["0123", "", "null", "true", "[a]", "''", "{a: b}"])
    @pytest.mark.parametrize(
        "key", ["username", "password", "password-file", "identity-token", "helper", "ca-file"]
    )
    def test_what_yaml_does_not_read_as_text_is_refused(
        self, file: Path, key: str, value: str
    ) -> None:
        with pytest.raises(InputError) as caught:
            load(file, f"a.org: {{password: canary}}\ngit.example.com:\n  {key}: {value}")
        assert str(caught.value) == (
            f"{file}:3:3: git.example.com: {key} must be a text that is not empty: put it in quotes"
        )

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ("password-env: NOWHERE", "the environment variable NOWHERE is not set"),
            ("password-file: nowhere", "password-file nowhere can't be read: No such file"),
            ("password-file: .", "password-file . can't be read: Is a directory"),
            ("password-file: binary", "password-file binary is not UTF-8 text"),
            ("password-file: empty", "password-file empty is empty"),
            ("password-file: endless", "password-file endless can't be read: File too large"),
            ("identity-token-file: nowhere", "identity-token-file nowhere can't be read: No such"),
        ],
    )
    def test_a_password_that_can_not_be_had_stops_only_its_own_host(
        self, file: Path, entry: str, message: str
    ) -> None:
        (file.parent / "binary").write_bytes(b"canary\xff")
        (file.parent / "empty").write_text("\n")
        (file.parent / "endless").write_text("canary" * (1 << 18))
        credentials = load(
            file, f"git.example.com: {{password: good-one}}\nUnused.example.com: {{{entry}}}"
        )
        assert credentials.for_host("git.example.com") == Credential("promoter", "good-one")
        for _ in range(2):
            with pytest.raises(InputError) as caught:
                credentials.for_host("unused.example.com")
            assert str(caught.value).startswith(f"{file}:2:1: Unused.example.com: {message}")
            assert "canary" not in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: [", "1:5: is not YAML"),
            ("a: 1\n---\nb: 1", "2:1: is not YAML"),
            ("- a", " must be a mapping of hosts to {username, password-file}"),
            ("h: bot", "1:1: h: must be a mapping with username and password-file"),
            (
                "h: {user: bot}",
                "1:5: h: unknown key 'user'; did you mean 'username'?",
            ),
            ("h: {host: bot}", "1:5: h: unknown key; known: username, password, password-file"),
            ("h: {username: bot}", "1:1: h: give exactly one of password, password-file"),
            (
                "h: {password: canary, password-file: x}",
                "1:1: h: give exactly one of password, password-file",
            ),
            ("h: {from: aws, helper: gcloud}", "1:1: h: give exactly one of helper, from"),
            ("h: {from: canary}", "1:1: h: from: write one of aws, google, azure"),
            ("h: {from: aws, username: me}", "1:1: h: username goes with a password"),
            ("h: {ca-file: x, username: me}", "1:1: h: username goes with a password"),
            ("h: {key-file: x}", "1:1: h: key-file needs the certificate-file"),
            ("h: {password: canary, password: y}", "1:23: h: password stands twice"),
            ("h: {password: canary}\nH: {password: canary}", "2:1: H: stands twice"),
            ("? [a]\n: b", "1:3: a key must be text"),
            ("https://h: {password: canary}", "1:1: 'https://h' is no host: write host"),
            ("h/shop: {password: canary}", "1:1: 'h/shop' is no host: write host"),
            ("bot:canary@h: {password: x}", "1:1: a host must not hold a user or a password"),
            ("<<: {password: canary}", "1:1: '<<' is no host"),
        ],
    )
    def test_a_file_of_another_shape_is_refused_as_a_whole(
        self, file: Path, text: str, message: str
    ) -> None:
        with pytest.raises(InputError) as caught:
            load(file, text)
        assert str(caught.value).startswith(f"{file}:{message}")

    @pytest.mark.parametrize(
        "text",
        [
            "h: {password: *canary}",
            "h: {username: bot, canary}",
            "h: {password:canary}",
            "h: {password=canary}",
            "h: password:canary",
            "h: {password: !canary x}",
            "h: {password: %canary}",
            "h: {password: 'canary}",
            "h: {password: @canary}",
            "h: {password: can\u0001canary}",
            "h: {password: {canary: canary}}",
            "h: {password: canary: canary}",
            "h:\n  password: canary\n canary: x",
            "h: {password: " + "[" * 500 + "canary",
        ],
    )
    def test_no_mistake_shows_a_value(self, file: Path, text: str) -> None:
        with pytest.raises(InputError) as caught:
            load(file, text)
        assert str(file) in str(caught.value)
        assert "canary" not in str(caught.value)

    def test_a_file_that_is_not_there(self, file: Path) -> None:
        with pytest.raises(InputError, match=r"credentials\.yaml: can't be read: No such file"):
            Credentials.load(file)

    @pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
    def test_an_empty_file_has_nobody(self, file: Path, text: str) -> None:
        credentials = load(file, text)
        assert credentials.for_host("a.example.com") is None
        assert credentials.of("a.example.com")("shop/web") is None

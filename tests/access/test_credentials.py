"""The credentials file: whole hosts or one clear message, and never a value in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.redaction import redact
from promoter.errors import InputError


@pytest.fixture
def file(workdir: Path) -> Path:
    return workdir / "credentials.yaml"


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


@pytest.mark.parametrize("value", ["0123", "", "null", "true", "[a]", "''"])
@pytest.mark.parametrize("key", ["username", "password", "password-file", "password-env"])
def test_what_yaml_does_not_read_as_text_is_refused(file: Path, key: str, value: str) -> None:
    rest = "password: canary" if key == "username" else "username: bot"
    with pytest.raises(InputError) as caught:
        load(file, f"git.example.com: {{{key}: {value}, {rest}}}")
    assert str(caught.value) == (
        f"{file}: git.example.com: {key} must be a text that is not empty: put it in quotes"
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("password-env: NOWHERE", "the environment variable NOWHERE is not set"),
        ("password-file: nowhere", "password-file nowhere can't be read: No such file"),
        ("password-file: .", "password-file . can't be read: Is a directory"),
        ("password-file: binary", "password-file binary is not UTF-8 text"),
        ("password-file: empty", "password-file empty is empty"),
    ],
)
def test_a_password_that_can_not_be_had_stops_only_its_own_host(
    file: Path, entry: str, message: str
) -> None:
    (file.parent / "binary").write_bytes(b"canary\xff")
    (file.parent / "empty").write_text("\n")
    credentials = load(
        file, f"Unused.example.com: {{{entry}}}\ngit.example.com: {{password: good-one}}"
    )
    assert credentials.for_host("git.example.com") == Credential("promoter", "good-one")
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            credentials.for_host("unused.example.com")
        assert str(caught.value).startswith(f"{file}: Unused.example.com: {message}")
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("- a", "must be a mapping of hosts to {username, password-file}"),
        ("h: bot", "h: must be a mapping with username and password-file"),
        ("h: {user: bot}", "h: unknown key 'user'"),
        ("h: {username: bot}", "h: give exactly one of password, password-file, password-env"),
    ],
)
def test_a_file_of_another_shape_is_refused_as_a_whole(file: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load(file, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(file))

"""Who may say "look now": signatures as the products make them, tokens, secret URLs."""

from __future__ import annotations

import base64
import hmac
from pathlib import Path

import pytest

from promoter.access import redaction
from promoter.errors import InputError
from promoter.service.webhooks.authentication import (
    Authorization,
    SecretUrl,
    Way,
    proved_by_body,
    proved_by_head,
)
from promoter.service.webhooks.request import Headers
from promoter.service.webhooks.secrets import SecretFiles
from promoter.service.webhooks.sources import SOURCES
from tests.service.webhooks.examples import SECRET, SIGNING_TOKEN, prove

BODY = b'{"some": "body"}'


def holds(
    source: str,
    headers: Headers,
    *,
    in_url: str | None = None,
    body: bytes = BODY,
    secrets: tuple[str, ...] = (SECRET,),
) -> bool:
    ways: tuple[Way, ...] = SOURCES[source].ways
    keys = tuple(secret.encode() for secret in secrets)
    by_head = proved_by_head(ways, headers, in_url, keys)
    return by_head if by_head is not None else proved_by_body(ways, headers, body, keys)


@pytest.mark.parametrize("source", SOURCES)
class TestEverySource:
    def test_is_known_by_its_proof(self, source: str) -> None:
        proof = prove(source, BODY)
        assert holds(source, proof.headers, in_url=proof.in_url)

    def test_by_each_of_two_secrets_while_one_is_rotated(self, source: str) -> None:
        proof = prove(source, BODY)
        for both in (("the new one", SECRET), (SECRET, "the new one")):
            assert holds(source, proof.headers, in_url=proof.in_url, secrets=both)

    def test_and_by_no_other(self, source: str) -> None:
        for wrong in (SECRET[:-1], SECRET + "x", SECRET.upper(), "", "пароль", "\udcff"):
            try:
                proof = prove(source, BODY, wrong)
            except UnicodeEncodeError:
                continue
            assert not holds(source, proof.headers, in_url=proof.in_url)
        assert not holds(source, {})

    def test_not_by_what_proves_another_source(self, source: str) -> None:
        """A URL is seen by proxies and their logs: who has a header is not let in by it."""
        ways = SOURCES[source].ways
        for name in SOURCES:
            proof = prove(name, BODY)
            if proof.in_url:
                expected = SecretUrl() in ways
            elif "authorization" in proof.headers:
                expected = Authorization() in ways
            else:
                expected = name == source
            assert holds(source, proof.headers, in_url=proof.in_url) == expected


class TestSignatures:
    def test_githubs_own_example(self) -> None:
        """From "Validating webhook deliveries", for those who write a receiver."""
        right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        told = {"x-hub-signature-256": right}
        secrets = ("It's a Secret to Everybody",)
        assert holds("github", told, body=b"Hello, World!", secrets=secrets)
        assert not holds("github", told, body=b"Hello, World?", secrets=secrets)
        without = {"x-hub-signature-256": right.removeprefix("sha256=")}
        assert not holds("github", without, body=b"Hello, World!", secrets=secrets)

    def test_standard_webhooks_own_example(self) -> None:
        """From the specification's reference implementations; GitLab signs like that."""
        told = {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }
        token = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        body = b'{"test": 2432232314}'
        assert holds("gitlab", told, body=body, secrets=(token,))
        assert not holds("gitlab", told, body=body + b" ", secrets=(token,))
        assert not holds("gitlab", {**told, "webhook-id": "x"}, body=body, secrets=(token,))
        several = {**told, "webhook-signature": f"v1,AAAA {told['webhook-signature']}"}
        assert holds("gitlab", several, body=body, secrets=(token,))

    @pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "no signing token"])
    def test_a_key_that_is_none_signs_nothing(self, secret: str) -> None:
        made = base64.b64encode(hmac.digest(b"", b".." + BODY, "sha256")).decode()
        assert not holds("gitlab", {"webhook-signature": f"v1,{made}"}, secrets=(secret,))

    def test_gitlab_proves_itself_by_either_of_its_tokens(self) -> None:
        key = base64.b64decode(SIGNING_TOKEN.removeprefix("whsec_"))
        signed = base64.b64encode(hmac.digest(key, b"1.2." + BODY, "sha256")).decode()
        told = {
            "webhook-id": "1",
            "webhook-timestamp": "2",
            "webhook-signature": f"v1,{signed}",
        }
        assert holds("gitlab", told, secrets=(SIGNING_TOKEN,))
        assert holds("gitlab", {"x-gitlab-token": SECRET})

    def test_artifactory_sends_the_secret_or_signs_with_it(self) -> None:
        assert holds("jfrog", {"x-jfrog-event-auth": SECRET})
        right = hmac.digest(SECRET.encode(), BODY, "sha256").hex()
        assert holds("jfrog", {"x-jfrog-event-auth": right})

    def test_a_signature_needs_the_body_and_a_token_does_not(self) -> None:
        keys = (SECRET.encode(),)
        for source, headers, expected in (
            ("github", {"x-hub-signature-256": "sha256=00"}, None),
            ("github", {}, False),
            ("gitlab", {"x-gitlab-token": "wrong"}, False),
            ("jfrog", {"x-jfrog-event-auth": SECRET}, True),
            ("harbor", {"authorization": "Bearer wrong"}, False),
        ):
            assert proved_by_head(SOURCES[source].ways, headers, None, keys) is expected


class TestAuthorization:
    @pytest.mark.parametrize("value", ["{}", "Bearer {}", "bearer  {} ", "Basic ann:{}"])
    def test_in_each_of_its_forms(self, value: str) -> None:
        told = value.format(SECRET)
        if told.startswith("Basic"):
            pair = told.removeprefix("Basic ").encode()
            told = f"Basic {base64.b64encode(pair).decode()}"
        assert holds("harbor", {"authorization": told})

    def test_a_file_may_hold_the_whole_value(self) -> None:
        told = {"authorization": f"Bearer {SECRET}"}
        assert holds("harbor", told, secrets=(f"Bearer {SECRET}",))

    @pytest.mark.parametrize("value", ["Basic !", "Basic YQ", "Basic", "Bearer", " ", "Basic YW5u"])
    def test_what_is_no_header_at_all_proves_nothing(self, value: str) -> None:
        assert not holds("harbor", {"authorization": value})

    def test_letters_beyond_ascii_come_as_their_bytes(self) -> None:
        wire = "пароль-пароль".encode().decode("latin-1")
        assert holds("harbor", {"authorization": f"Bearer {wire}"}, secrets=("пароль-пароль",))
        assert holds("docker-hub", {}, in_url="пароль-пароль", secrets=("пароль-пароль",))


class TestSecretFiles:
    def test_a_line_is_a_secret(self, tmp_path: Path) -> None:
        (tmp_path / "harbor").write_text("\ufeffthe first one\r\n\n  the second one  \n", "utf-8")
        assert SecretFiles(tmp_path).of("harbor") == (b"the first one", b"the second one")

    def test_without_a_file_or_a_directory_a_source_is_off(self, tmp_path: Path) -> None:
        assert SecretFiles(tmp_path).of("harbor") is None
        assert SecretFiles(tmp_path / "absent").of("harbor") is None
        assert SecretFiles(None).of("harbor") is None

    def test_a_rotated_secret_needs_no_restart(self, tmp_path: Path) -> None:
        """As Kubernetes does it: another directory behind a symbolic link."""
        for number in (1, 2):
            (tmp_path / f"{number}").mkdir()
            (tmp_path / f"{number}" / "harbor").write_text(f"the {number}. secret")
        (tmp_path / "data").symlink_to("1")
        (tmp_path / "harbor").symlink_to("data/harbor")
        files = SecretFiles(tmp_path)
        assert files.of("harbor") == (b"the 1. secret",)
        (tmp_path / "new").symlink_to("2")
        (tmp_path / "new").replace(tmp_path / "data")
        assert files.of("harbor") == (b"the 2. secret",)
        (tmp_path / "harbor").unlink()
        assert files.of("harbor") is None

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "harbor is empty: write a secret of at least 8 characters into it"),
            (b" \n\n", "harbor is empty"),
            (b"long enough\nshort12", r"a secret of less than 8 characters in line 2: write a"),
            (b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "harbor is not UTF-8 text"),
        ],
    )
    def test_a_file_that_is_no_good_says_why(
        self, tmp_path: Path, content: bytes, message: str
    ) -> None:
        (tmp_path / "harbor").write_bytes(content)
        files = SecretFiles(tmp_path)
        for _ in range(2):
            with pytest.raises(InputError, match=message) as caught:
                files.of("harbor")
            assert "short12" not in str(caught.value)

    def test_a_directory_in_its_place_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "harbor").mkdir()
        with pytest.raises(InputError, match="harbor can't be read: Is a directory"):
            SecretFiles(tmp_path).of("harbor")

    def test_what_is_read_is_masked_from_then_on(self, tmp_path: Path) -> None:
        (tmp_path / "harbor").write_text(f"{SECRET}\nanother")
        with pytest.raises(InputError):
            SecretFiles(tmp_path).of("harbor")
        basic = base64.b64encode(SECRET.encode()).decode()
        text = f"{SECRET} another {basic}"
        assert redaction.redact(text) == "*** *** ***"

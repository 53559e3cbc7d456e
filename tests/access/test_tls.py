"""Whom we trust, and how we prove who we are: by host, with one clear message for a bad file."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from promoter.access.certificate import read_expiries
from promoter.access.http import HttpClient
from promoter.access.origin import Origin, origin_of
from promoter.access.tls import (
    SYSTEM_TRUST,
    Contexts,
    Identities,
    TlsIdentity,
    make_context,
    read_folder,
)
from promoter.errors import InputError
from tests.services.certificates import Authority
from tests.services.misbehaving import Answer, serving
from tests.services.registry import running_registry

OK = Answer(200, {}, b"well")
Given = Callable[[str], TlsIdentity | None]


def nothing(_: str) -> None:
    return None


def client(given: Given = nothing, folder: Path | None = None) -> HttpClient:
    folders = () if folder is None else (folder,)
    return HttpClient(proxies={}, tries=1, identities=Identities(given, folders))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls"))


def copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    return target


def test_a_ca_of_its_own_is_trusted_for_its_host_alone(authority: Authority) -> None:
    server = authority.issue("one")
    with (
        serving({("GET", "/"): OK}, tls=(server.certificate, server.key)) as one,
        serving({("GET", "/"): OK}, tls=(server.certificate, server.key)) as two,
    ):
        http = client({one.host: TlsIdentity((authority.certificate,))}.get)
        assert http.request("GET", f"https://{one.host}/").body == b"well"
        with pytest.raises(InputError) as caught:
            http.request("GET", f"https://{two.host}/")
        assert str(caught.value).startswith(f"{two.host}: its TLS certificate is not trusted (")
        assert f"ca-file of the entry '{two.host}'" in str(caught.value)
        assert f"/etc/containers/certs.d/{two.host}/ca.crt" in str(caught.value)


def test_a_real_registry_that_wants_a_client_certificate(
    authority: Authority, tmp_path: Path
) -> None:
    robot = authority.issue("robot", for_server=False)
    other = Authority.make(tmp_path / "other").issue("stranger", for_server=False)
    with running_registry(tmp_path / "registry", authority=authority, client=robot) as registry:
        url = f"https://{registry.host}/v2/"
        folder = tmp_path / "certs.d" / registry.host
        copy(authority.certificate, folder / "ca.crt")
        with pytest.raises(InputError, match=r"wants a client certificate, .* client\.key in"):
            client(folder=tmp_path / "certs.d").request("GET", url)
        copy(other.certificate, folder / "client.cert")
        copy(other.key, folder / "client.key")
        with pytest.raises(InputError, match=r"refuses the client certificate .*client\.cert"):
            client(folder=tmp_path / "certs.d").request("GET", url)
        copy(robot.certificate, folder / "client.cert")
        copy(robot.key, folder / "client.key")
        assert client(folder=tmp_path / "certs.d").request("GET", url).status == 200


def test_a_server_whose_certificate_no_ca_would_mend(authority: Authority) -> None:
    ended = authority.issue("ended", ended=True)
    elsewhere = authority.issue("elsewhere", hosts=("registry.example.com",))
    trusting = TlsIdentity((authority.certificate,))
    for identity, message in (
        (ended, r"not valid now \(certificate has expired\); renew it at the server"),
        (elsewhere, r"not for that name \(IP address mismatch"),
    ):
        with serving({}, tls=(identity.certificate, identity.key)) as server:
            http = client({server.host: trusting}.get)
            with pytest.raises(InputError, match=message):
                http.request("GET", f"https://{server.host}/")


def test_the_ca_that_was_tried_is_named(authority: Authority, tmp_path: Path) -> None:
    server = authority.issue("registry")
    wrong = Authority.make(tmp_path, "Wrong CA").certificate
    with serving({}, tls=(server.certificate, server.key)) as running:
        http = client({running.host: TlsIdentity((wrong,))}.get)
        with pytest.raises(InputError, match=r"not by the CAs in .*Wrong-CA\.crt either"):
            http.request("GET", f"https://{running.host}/")


def test_renewed_files_are_taken_while_it_runs(authority: Authority, tmp_path: Path) -> None:
    now = [0.0]
    server = authority.issue("registry")
    wrong = Authority.make(tmp_path / "wrong").certificate
    with serving({("GET", "/"): OK}, tls=(server.certificate, server.key)) as running:
        ca = copy(wrong, tmp_path / running.host / "ca.crt")
        identities = Identities(nothing, (tmp_path,))
        http = HttpClient(proxies={}, tries=1, identities=identities, clock=lambda: now[0])
        url = f"https://{running.host}/"
        with pytest.raises(InputError, match="not trusted"):
            http.request("GET", url)
        copy(authority.certificate, ca)
        os.utime(ca, (1, 1))  # a clock of the file system may be coarse
        now[0] = 61.0
        assert http.request("GET", url).body == b"well"


def test_one_context_for_all_hosts_with_the_same_files(authority: Authority) -> None:
    contexts = Contexts()
    identity = TlsIdentity((authority.certificate,))
    assert contexts.of(identity) is contexts.of(TlsIdentity((authority.certificate,)))
    assert contexts.of(identity) is not contexts.of(SYSTEM_TRUST)
    assert isinstance(contexts.of(SYSTEM_TRUST), ssl.SSLContext)


@pytest.mark.parametrize(
    ("name", "kind"), [("SSL_CERT_FILE", "file"), ("SSL_CERT_DIR", "directory")]
)
def test_trust_that_is_named_and_not_there_is_told(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    with pytest.raises(InputError) as caught:
        make_context(SYSTEM_TRUST)
    said = f"there is no such {kind}, and {name} names it as what is trusted"
    assert str(caught.value) == f"{tmp_path / 'nowhere'}: {said}"
    monkeypatch.setenv(name, "")
    assert isinstance(make_context(SYSTEM_TRUST), ssl.SSLContext)


class TestFolders:
    def test_a_host_is_found_with_its_port_or_without_where_it_is_the_usual_one(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        ca = copy(authority.certificate, tmp_path / "a" / "r.example" / "ca.crt")
        other = copy(authority.certificate, tmp_path / "b" / "r.example:5000" / "ca.crt")
        find = Identities(nothing, (tmp_path / "a", tmp_path / "absent", tmp_path / "b"))
        assert find(origin_of("https://r.example/")).authorities == (ca,)
        assert find(origin_of("https://r.example:443/")).authorities == (ca,)
        assert find(origin_of("https://r.example:5000/")).authorities == (other,)
        assert find(origin_of("https://sub.r.example/")) == SYSTEM_TRUST

    def test_what_is_given_wins(self, tmp_path: Path) -> None:
        given = TlsIdentity((tmp_path / "x.crt",))
        (tmp_path / "r.example").mkdir()
        (tmp_path / "r.example" / "ca.crt").touch()
        assert (
            Identities({"r.example": given}.get, (tmp_path,))(Origin("https", "r.example", 443))
            is given
        )

    def test_a_pair_is_a_pair_whatever_the_names(self, tmp_path: Path) -> None:
        for name in ("a.cert", "a.d.cert", "a.d.key", "a.key", "b.crt", "a.crt", "notes.txt"):
            (tmp_path / name).touch()
        assert read_folder(tmp_path) == TlsIdentity(
            (tmp_path / "a.crt", tmp_path / "b.crt"), tmp_path / "a.cert", tmp_path / "a.key"
        )

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("client.key", r"client\.key: there is no client\.cert beside this key"),
            ("client.cert", r"client\.cert: there is no client\.key .*CA's file must end in \.crt"),
        ],
    )
    def test_half_a_pair_is_an_error(self, tmp_path: Path, name: str, message: str) -> None:
        (tmp_path / name).touch()
        with pytest.raises(InputError, match=message):
            read_folder(tmp_path)


class TestFiles:
    """`where` is the file; a password is never asked for at the terminal."""

    def refused(self, identity: TlsIdentity, now: datetime | None = None) -> str:
        with pytest.raises(InputError) as caught:
            make_context(identity, now)
        return str(caught.value)

    def test_a_file_that_is_absent_or_no_pem(self, tmp_path: Path) -> None:
        absent, junk = tmp_path / "absent.crt", tmp_path / "junk.crt"
        junk.write_bytes(b"\x30\x82\xff")
        assert (
            self.refused(TlsIdentity((absent,)))
            == f"{absent}: can't be read: No such file or directory"
        )
        assert self.refused(TlsIdentity((junk,))).startswith(f"{junk}: holds no certificate in PEM")

    @pytest.mark.parametrize("body", ["", "MIIB", "!!!!", "MAA=", "AAAA", "MIL/////"])
    def test_a_certificate_that_is_broken(self, tmp_path: Path, body: str) -> None:
        file = tmp_path / "ca.crt"
        file.write_text(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        assert self.refused(TlsIdentity((file,))).startswith(f"{file}: holds a certificate that is")

    def test_a_key_of_another_certificate(self, authority: Authority) -> None:
        one, two = (authority.issue(name, for_server=False) for name in ("one", "two"))
        message = self.refused(TlsIdentity((), one.certificate, two.key))
        assert message == f"{two.key}: is not the key of the certificate {one.certificate}"

    def test_a_key_with_a_password(self, authority: Authority) -> None:
        robot = authority.issue("locked", for_server=False, password="canary-pass")
        message = self.refused(TlsIdentity((), robot.certificate, robot.key))
        assert message.startswith(f"{robot.key}: the key has a password")

    def test_a_key_that_is_none(self, authority: Authority, tmp_path: Path) -> None:
        robot = authority.issue("keyless", for_server=False)
        broken = tmp_path / "broken.key"
        broken.write_text("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n")
        assert "holds no private key in PEM form" in self.refused(
            TlsIdentity((), robot.certificate)
        )
        message = self.refused(TlsIdentity((), robot.certificate, broken))
        assert message.startswith(f"{broken}: OpenSSL can't read this key")

    def test_what_has_expired(self, authority: Authority, tmp_path: Path) -> None:
        now = datetime.now(UTC)
        ended = authority.issue("ended", for_server=False, ended=True)
        message = self.refused(TlsIdentity((), ended.certificate, ended.key), now)
        assert message == (
            f"{ended.certificate}: the certificate expired on"
            f" {now - timedelta(days=1):%Y-%m-%d}; renew it"
        )
        assert make_context(TlsIdentity((), ended.certificate, ended.key))
        # a bundle may hold an old CA beside a good one
        bundle = tmp_path / "bundle.crt"
        bundle.write_bytes(ended.certificate.read_bytes() + authority.certificate.read_bytes())
        assert make_context(TlsIdentity((bundle,)), now)
        assert "expired" in self.refused(TlsIdentity((bundle,)), now + timedelta(days=99))

    def test_every_certificate_that_this_machine_trusts_can_be_read(self) -> None:
        trusted = ssl.create_default_context().get_ca_certs(binary_form=True)
        pems = [ssl.DER_cert_to_PEM_cert(der) for der in trusted]
        told = ssl.create_default_context().get_ca_certs()
        assert [each.timestamp() for each in read_expiries("\n".join(pems))] == [
            ssl.cert_time_to_seconds(str(each["notAfter"])) for each in told
        ]

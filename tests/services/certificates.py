"""An authority of the test's own: certificates for servers and clients, made on the spot.

authority = Authority.make(tmp_path, "Test CA")
server = authority.issue("registry")                  # for 127.0.0.1 and localhost
client = authority.issue("robot", for_server=False)
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, each in a PEM file."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """`certificate` is the PEM file that its clients trust."""

    folder: Path
    certificate: Path
    _key: PrivateKey = field(repr=False)
    _subject: x509.Name = field(repr=False)

    @classmethod
    def make(cls, folder: Path, name: str = "Test CA") -> Self:
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        certificate = (
            _begin(subject, subject, key, _today() - _DAY, _today() + 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs_others=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        file = folder / f"{name.replace(' ', '-')}.crt"
        file.write_bytes(certificate.public_bytes(Encoding.PEM))
        return cls(folder, file, key, subject)

    def issue(
        self,
        name: str,
        *,
        for_server: bool = True,
        hosts: tuple[str, ...] = ("127.0.0.1", "localhost"),
        password: str | None = None,
        ended: bool = False,
    ) -> Identity:
        """An identity for a server (of `hosts`) or a client; `password` protects its key,
        `ended`: it was valid until yesterday."""
        key = ec.generate_private_key(ec.SECP256R1())
        until = _today() - _DAY if ended else _today() + 7 * _DAY
        use = ExtendedKeyUsageOID.SERVER_AUTH if for_server else ExtendedKeyUsageOID.CLIENT_AUTH
        draft = (
            _begin(_name(name), self._subject, key, _today() - 2 * _DAY, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_others=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if for_server:
            names = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
            draft = draft.add_extension(names, critical=False)
        certificate = draft.sign(self._key, hashes.SHA256())
        identity = Identity(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        identity.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        identity.key.write_bytes(key_text(key, password))
        identity.key.chmod(0o600)
        return identity


def self_signed(name: str, key: PrivateKey) -> x509.Certificate:
    """A certificate that only says whose key this is, as a registry's `rootcertbundle` does."""
    subject = _name(name)
    return (
        _begin(subject, subject, key, _today() - _DAY, _today() + 30 * _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def key_text(key: PrivateKey, password: str | None = None) -> bytes:
    """The key as PEM (PKCS 8), encrypted where a password is given."""
    protection: KeySerializationEncryption = NoEncryption()
    if password is not None:
        protection = BestAvailableEncryption(password.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)


def _begin(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, since: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _today() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)

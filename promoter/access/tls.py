"""How a host is trusted, and how this process proves itself to it: CA files and client
certificates by host and port, as Docker and Podman keep them (containers-certs.d(5)):

    /etc/containers/certs.d/harbor.example.com:8443/ca.crt        a CA beside the system's
                                                   /client.cert    a client certificate
                                                   /client.key     and its key
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from promoter.access.certificate import read_expiries
from promoter.access.origin import DEFAULT_PORTS, Origin
from promoter.errors import InputError, Where

SYSTEM_FOLDERS = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))


@dataclass(frozen=True)
class TlsIdentity:
    """`authorities` are trusted beside the system's. `key` None: it is in `certificate`."""

    authorities: tuple[Path, ...] = ()
    certificate: Path | None = None
    key: Path | None = None

    def files(self) -> tuple[Path, ...]:
        return tuple(each for each in (*self.authorities, self.certificate, self.key) if each)


SYSTEM_TRUST = TlsIdentity()


@dataclass(frozen=True)
class Identities:
    """The identity of each host. What is `given` for `HOST:PORT` (or `HOST`, for port 443) wins;
    else the first of `folders` that has a directory of that name."""

    given: Callable[[str], TlsIdentity | None]
    folders: Sequence[Path] = SYSTEM_FOLDERS

    def __call__(self, origin: Origin) -> TlsIdentity:
        """Raises InputError for a directory that can't be read or holds half a pair."""
        names = [f"{origin.host}:{origin.port}"]
        if origin.port == DEFAULT_PORTS["https"]:
            names.append(origin.host)
        for name in names:
            given = self.given(name)
            if given is not None:
                return given
        for folder in self.folders:
            for name in names:
                found = read_folder(folder / name)
                if found != SYSTEM_TRUST:
                    return found
        return SYSTEM_TRUST


def trust_system(_: Origin) -> TlsIdentity:
    """The identities of a client that was given none."""
    return SYSTEM_TRUST


def read_folder(folder: Path) -> TlsIdentity:
    """What one directory of certs.d says; the system's trust where it is absent.

    Of several client certificates the first by name is taken. Raises InputError.
    """
    try:
        names = sorted(each.name for each in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return SYSTEM_TRUST
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=Where(str(folder))) from None
    authorities = tuple(folder / name for name in names if name.endswith(".crt"))
    certificates = [name for name in names if name.endswith(".cert")]
    keys = [name for name in names if name.endswith(".key")]
    for name in keys:
        if f"{name.removesuffix('.key')}.cert" not in certificates:
            raise InputError(
                f"there is no {name.removesuffix('.key')}.cert beside this key",
                where=Where(str(folder / name)),
            )
    for name in certificates:
        if f"{name.removesuffix('.cert')}.key" not in keys:
            raise InputError(
                f"there is no {name.removesuffix('.cert')}.key beside this client certificate"
                " (a CA's file must end in .crt)",
                where=Where(str(folder / name)),
            )
    if not certificates:
        return TlsIdentity(authorities)
    first = folder / certificates[0]
    return TlsIdentity(authorities, first, first.with_suffix(".key"))


Stamp = tuple[tuple[int, int, int], ...]


class Contexts:
    """One context for each identity as its files are now; thread-safe.

    Certificates are renewed while the process runs, so a file that changed makes a new context.
    `now`: to tell that a certificate has expired before a server does; None: leave it to the
    handshake.
    """

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._made: dict[TlsIdentity, tuple[Stamp, ssl.SSLContext]] = {}

    def of(self, identity: TlsIdentity) -> ssl.SSLContext:
        """Raises InputError with the file that is wrong."""
        with self._lock:
            stamp = _stamp(identity)
            known = self._made.get(identity)
            if known is not None and known[0] == stamp:
                return known[1]
            context = make_context(identity, self._now() if self._now else None)
            self._made[identity] = (stamp, context)
            return context


def _stamp(identity: TlsIdentity) -> Stamp:
    found = []
    for file in identity.files():
        try:
            state = file.stat()
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}", where=Where(str(file))) from None
        found.append((state.st_mtime_ns, state.st_size, state.st_ino))
    return tuple(found)


def make_context(identity: TlsIdentity, now: datetime | None = None) -> ssl.SSLContext:
    """Raises InputError with the file: no PEM, expired, a key that does not match or has a
    password."""
    _check_system_trust()
    context = ssl.create_default_context()
    for file in identity.authorities:
        _check_dates(file, _read_certificates(file), now)
        try:
            context.load_verify_locations(file)
        except ssl.SSLError as error:
            _refuse(file, f"holds a CA certificate that OpenSSL can't read ({error.reason})")
    if identity.certificate is not None:
        text = _read_certificates(identity.certificate)
        # A chain: what comes after the first may be an old cross-signature.
        _check_dates(identity.certificate, text, now, first=True)
        _load_pair(context, identity.certificate, identity.key or identity.certificate)
    return context


def _check_system_trust() -> None:
    """OpenSSL passes over what its variables name in vain, and then trusts nobody, or others."""
    for name, is_there in (("SSL_CERT_FILE", Path.is_file), ("SSL_CERT_DIR", Path.is_dir)):
        value = os.environ.get(name)
        # OpenSSL takes several directories, as PATH has them.
        places = value.split(os.pathsep) if value and name == "SSL_CERT_DIR" else [value]
        if value and not any(is_there(Path(each)) for each in places if each):
            kind = "file" if name == "SSL_CERT_FILE" else "directory"
            _refuse(Path(value), f"there is no such {kind}, and {name} names it as what is trusted")


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8", "replace")  # comments may be in any encoding
    except OSError as error:
        _refuse(file, f"can't be read: {error.strerror}")


def _read_certificates(file: Path) -> str:
    text = _read(file)
    if "-----BEGIN CERTIFICATE-----" not in text:
        _refuse(file, "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    return text


def _check_dates(file: Path, text: str, now: datetime | None, first: bool = False) -> None:
    """A bundle may hold expired CAs beside good ones; one with nothing else trusts nobody."""
    try:
        expiries = read_expiries(text)
    except ValueError:
        expiries = ()
    if not expiries:
        _refuse(file, "holds a certificate that is broken; write it again from its source")
    until = expiries[0] if first else max(expiries)
    if now is not None and until < now:
        _refuse(file, f"the certificate expired on {until:%Y-%m-%d}; renew it")


class _PasswordWantedError(Exception):
    pass


def _no_password() -> NoReturn:
    # Without a callback OpenSSL would ask at the terminal, and wait.
    raise _PasswordWantedError


def _load_pair(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    if "PRIVATE KEY-----" not in _read(key):
        _refuse(key, "holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)")
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _PasswordWantedError:
        _refuse(
            key,
            "the key has a password, and nobody is there to give it; write the key without one"
            " (openssl pkey -in OLD -out NEW) and keep the file from others",
        )
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            _refuse(key, f"is not the key of the certificate {certificate}")
        _refuse(key, f"OpenSSL can't read this key, or its certificate {certificate}")


def _refuse(file: Path, what: str) -> NoReturn:
    raise InputError(what, where=Where(str(file))) from None

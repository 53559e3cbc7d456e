"""What urllib3 and busy servers say, as errors of our own: the host and what happened."""

from __future__ import annotations

import re
import ssl
from datetime import timedelta
from http.client import BadStatusLine

from urllib3.exceptions import (
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
)
from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from promoter.access.budget import Told
from promoter.access.origin import Origin
from promoter.access.redaction import redact
from promoter.access.tls import SYSTEM_TRUST, TlsIdentity
from promoter.errors import InputError, PromoterError, TransientError

# OpenSSL's verify codes (x509_vfy.h) that no CA file would mend.
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME = frozenset({62, 64})
# What a server says of a client certificate: RFC 8446, section 6.2, in the words of OpenSSL.
# Of none at all, servers written in Go (docker-registry) say that it is a bad one.
_CERTIFICATE_WANTED = frozenset(
    {
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "SSLV3_ALERT_BAD_CERTIFICATE",
    }
)
_CERTIFICATE_REFUSED = {
    "SSLV3_ALERT_BAD_CERTIFICATE": "",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": ": it expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": ": it was revoked",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": ": it is not for this use",
    "TLSV1_ALERT_UNKNOWN_CA": ": it does not know its CA",
    "TLSV1_ALERT_ACCESS_DENIED": "",
}

# What http.client and urllib3 say where CONNECT was refused (RFC 9110, section 15.5.8), and where
# what came is a TLS record: an alert, of any version (RFC 8446, section 5.1).
_PROXY_REFUSED = re.compile(r"Tunnel connection failed: 407\b")
_TLS_ALERT = "\x15\x03"


class TooLargeError(InputError):
    """An answer was longer than whoever asked takes."""


class SilentError(TransientError):
    """Nobody could be reached, or nobody answered in time: what a `Circuit` counts."""


def busy(origin: Origin, status: int, said: Told) -> TransientError:
    what = "asks for fewer requests (429)" if status == 429 else f"is in trouble ({status})"
    later = f"; it asks to wait {said.wait:.0f} s" if said.wait else ""
    return TransientError(
        redact(f"{origin} {what}{later}"),
        retry_after=None if said.again is None else timedelta(seconds=said.again),
    )


def proxy_wants_password(origin: Origin) -> InputError:
    return InputError(
        redact(
            f"the proxy for {origin} wants a user and a password (407): write them into the address"
            " of the proxy, as http://USER:PASSWORD@HOST:PORT in https_proxy or http_proxy"
        )
    )


def speaks_tls(origin: Origin) -> InputError:
    """Asked over plain HTTP, it answered as only a server does that wants TLS."""
    return InputError(
        redact(
            f"{origin} speaks TLS, and was asked over plain HTTP; write https://{origin} where"
            " --registry or PROMOTER_REGISTRIES has http://"
        )
    )


def translate(
    error: HTTPError, origin: Origin, identity: TlsIdentity = SYSTEM_TRUST
) -> PromoterError:
    """The error to raise instead; `identity` is the one that was used."""
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and (text := _tls_trouble(cause, origin, identity)):
            return InputError(redact(f"{origin}{text}"))
        if isinstance(cause, OSError) and _PROXY_REFUSED.match(str(cause)):
            return proxy_wants_password(origin)
        if isinstance(cause, BadStatusLine) and str(cause).startswith(_TLS_ALERT):
            return speaks_tls(origin)
    silent = False
    if isinstance(error, ProxyError):
        text, silent = f"the proxy for {origin} failed", True
    elif isinstance(error, NameResolutionError):
        text, silent = f"{origin}: the name can't be resolved", True
    elif isinstance(error, NewConnectionError):
        text, silent = f"{origin} can't be reached", True
    elif isinstance(error, HTTPTimeoutError):
        text, silent = f"{origin} did not answer in time", True
    else:
        text = f"{origin} broke off the connection"
    system = next((each for each in causes if isinstance(each, OSError) and str(each)), None)
    if system is not None and not isinstance(system, HTTPError):
        text += f" ({system.strerror or system})"
    return (SilentError if silent else TransientError)(redact(text))


def _tls_trouble(error: ssl.SSLError, origin: Origin, identity: TlsIdentity) -> str | None:
    """What a person must change, or None where trying again may help."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, origin, identity)
    if error.reason == "WRONG_VERSION_NUMBER":
        return (
            " does not speak TLS; if plain HTTP is meant, allow it by --registry or"
            f" PROMOTER_REGISTRIES: HOST=http://{origin}, with HOST as image names have it"
        )
    certificate = identity.certificate
    if error.reason in _CERTIFICATE_REFUSED and certificate is not None:
        reason = _CERTIFICATE_REFUSED[error.reason]
        return f" refuses the client certificate {certificate}{reason}"
    if error.reason in _CERTIFICATE_WANTED and certificate is None:
        return (
            " wants a client certificate, and there is none for it; give certificate-file and"
            f" key-file in the entry '{origin}' of the credentials file, or client.cert and"
            f" client.key in {_folder(origin)}"
        )
    return None


def _untrusted(error: ssl.SSLCertVerificationError, origin: Origin, identity: TlsIdentity) -> str:
    said = error.verify_message
    if error.verify_code in _OTHER_NAME:
        return (
            f": its TLS certificate is not for that name ({said}); use a name that it is for, or"
            " let the server have one for this name"
        )
    if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
        return (
            f": its TLS certificate is not valid now ({said}); renew it at the server, and check"
            " the clock of this machine"
        )
    known = ", ".join(map(str, identity.authorities))
    tried = f", not by the CAs in {known} either" if known else ""
    return (
        f": its TLS certificate is not trusted ({said}){tried}; give its CA as ca-file of the entry"
        f" '{origin}' in the credentials file or as {_folder(origin)}/ca.crt, or add it to the"
        " system's trust store (or the file SSL_CERT_FILE)"
    )


def _folder(origin: Origin) -> str:
    """Where the settings of a host are looked for, among other places (`promoter.access.tls`)."""
    return f"/etc/containers/certs.d/{origin.host}:{origin.port}"


def _causes(error: BaseException) -> list[BaseException]:
    """The error and all that it wraps, by `raise from` or as an argument."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            waiting += [*each.args, each.__cause__, each.__context__]
    return found

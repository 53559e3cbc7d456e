"""What urllib3 and busy servers say, as errors of our own: the host and what happened."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

from urllib3.exceptions import (
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
)
from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from promoter.access.origin import Origin
from promoter.access.redaction import redact
from promoter.errors import InputError, PromoterError, TransientError


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from either form of Retry-After (RFC 9110, section 10.2.3).

    A date counts from the server's own Date, so no clock of ours is involved.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 86_400))
    try:
        until = parsedate_to_datetime(text)
        since = parsedate_to_datetime(headers.get("Date", ""))
        return min(max((until - since).total_seconds(), 0.0), 86_400.0)
    except (TypeError, ValueError):  # also a date with a time zone beside one without
        return None


def busy(origin: Origin, status: int, wait: float | None) -> TransientError:
    what = "asks for fewer requests (429)" if status == 429 else f"is in trouble ({status})"
    later = f"; it asks to wait {wait:.0f} s" if wait else ""
    return TransientError(
        redact(f"{origin} {what}{later}"),
        retry_after=None if wait is None else timedelta(seconds=wait),
    )


def translate(error: HTTPError, origin: Origin) -> PromoterError:
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return InputError(
                redact(
                    f"{origin}: its TLS certificate is not trusted ({cause.verify_message}); add"
                    " its CA to the system's trust store or to the file SSL_CERT_FILE"
                )
            )
        if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":
            return InputError(
                redact(f"{origin} does not speak TLS; allow plain HTTP for it if that is meant")
            )
    if isinstance(error, ProxyError):
        text = f"the proxy for {origin} failed"
    elif isinstance(error, NameResolutionError):
        text = f"{origin}: the name can't be resolved"
    elif isinstance(error, NewConnectionError):
        text = f"{origin} can't be reached"
    elif isinstance(error, HTTPTimeoutError):
        text = f"{origin} did not answer in time"
    else:
        text = f"{origin} broke off the connection"
    system = next((each for each in causes if isinstance(each, OSError) and str(each)), None)
    if system is not None and not isinstance(system, HTTPError):
        text += f" ({system.strerror or system})"
    return TransientError(redact(text))


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

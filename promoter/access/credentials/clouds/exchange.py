"""One question to a cloud, and its answer as JSON or in clear words why there is none."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

from promoter.access.call import Peer
from promoter.access.credentials.credential import hide
from promoter.access.credentials.seconds import seconds_from
from promoter.access.http import HttpClient
from promoter.access.origin import origin_of
from promoter.access.redaction import redact
from promoter.errors import InputError, PromoterError, TransientError

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_LIMIT = 1 << 20
_LONGEST = 1e12
_LONGEST_QUOTE = 300
# AWS says with 400 what others say with 429 and 503.
_PASSING = re.compile(
    r"Throttl|TooManyRequests|RequestLimitExceeded|ServiceUnavailable|InternalFailure"
    r"|ServerException|IDPCommunicationError|temporarily_unavailable"
)


@dataclass(frozen=True)
class Reply:
    """What `whom` answered with 200. A field that is absent or of another type is their fault,
    told without a value."""

    whom: str
    fields: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str:
        """A field that can stand in a header or a form."""
        value = self.fields.get(name)
        if not isinstance(value, str) or not value or not value.isprintable():
            self.refuse(name)
        return value

    def secret(self, name: str) -> str:
        return hide(self.text(name))

    def seconds(self, name: str) -> float:
        """A number, also one in quotes as Azure writes it."""
        seconds = seconds_from(self.fields.get(name))
        if seconds is None or seconds > _LONGEST:
            self.refuse(name)
        return seconds

    def refuse(self, name: str) -> NoReturn:
        raise TransientError(f"{self.whom} gave no usable '{name}'")


def ask(
    http: HttpClient,
    method: str,
    url: str,
    whom: str,
    *,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Reply:
    """Ask and read the JSON object; raises InputError where we are refused, TransientError where
    the answer is none. `whom` is for messages: `Google's metadata server`."""
    text = ask_text(http, method, url, whom, headers=headers, form=form, body=body)
    fields = _json(text)
    if fields is None:
        raise TransientError(redact(f"{whom} ({origin_of(url)}) answers with no JSON object"))
    return Reply(whom, fields)


def ask_text(
    http: HttpClient,
    method: str,
    url: str,
    whom: str,
    *,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> str:
    """The same for an answer that is no JSON."""
    sent = {"Accept": "application/json", **(FORM if form is not None else {}), **(headers or {})}
    content = urlencode(form).encode() if form is not None else body
    try:
        response = http.request(
            method, url, headers=sent, body=content, limit=_LIMIT, peer=Peer("cloud")
        )
    except TransientError as error:
        raise TransientError(f"{whom}: {error.message}", retry_after=error.retry_after) from None
    except InputError as error:
        raise InputError(f"{whom}: {error.message}") from None
    text = response.body.decode("utf-8", "replace")
    if response.status != 200:
        raise _refusal(f"{whom} ({origin_of(url)})", response.status, text)
    return text


def _refusal(whom: str, status: int, text: str) -> PromoterError:
    said = _reason(text)
    message = redact(f"{whom} refuses ({status}){f': {said}' if said else ''}")
    if _PASSING.search(said):
        return TransientError(message)
    if re.search(r"expired|not yet (?:current|valid)|skew", said, re.IGNORECASE):
        message += "; check this machine's clock, and that the token is renewed"
    return InputError(message)


def _reason(text: str) -> str:
    """The error's name and sentence, as AWS, Google, Azure and OAuth 2.0 write them."""
    fields = _json(text)
    if fields is None:
        found = re.findall(r"<(?:Code|Message)>([^<]*)</", text)  # the query APIs of AWS
        return _clean(": ".join(found))
    errors = fields.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        fields = errors[0]
    nested = fields.get("error")
    if isinstance(nested, dict):
        fields = nested
    names = ("__type", "code", "Code", "status", "error")
    sentences = ("message", "Message", "error_description")
    parts = [
        next((str(fields[name]) for name in group if isinstance(fields.get(name), str)), "")
        for group in (names, sentences)
    ]
    return _clean(": ".join(part for part in parts if part))


def _clean(text: str) -> str:
    # Masked before it is cut: a part of a secret would not be known as one.
    masked = redact(text)
    return " ".join("".join(c if c.isprintable() else " " for c in masked).split())[:_LONGEST_QUOTE]


def _json(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def may_be_told(url: str, also: Collection[str] = ()) -> bool:
    """Whether a secret may be sent there: over TLS, to this machine, or to the hosts in `also`."""
    try:
        origin = origin_of(url)
        if origin.scheme == "https" or origin.host == "localhost" or origin.host in also:
            return True
        return ipaddress.ip_address(origin.host.strip("[]")).is_loopback
    except (InputError, ValueError):  # no such address; a name
        return False


def read_token(path: str, variable: str) -> str:
    """The token in a file that an environment variable names; it is rotated, so it is read anew
    each time."""
    try:
        token = Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise InputError(f"{variable} {path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{variable} {path} is not UTF-8 text") from None
    if not token or not token.isprintable():
        raise InputError(f"{variable} {path} holds no token")
    return hide(token)

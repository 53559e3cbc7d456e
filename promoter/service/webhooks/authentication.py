"""How a source proves that it is the one: each the strongest of what its product can do. Pure.

Secrets and proofs are compared as bytes and in constant time, all secrets each time.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from promoter.service.webhooks.request import Headers

Secrets = Sequence[bytes]


class Way(Protocol):
    """One way of proving it."""

    @property
    def signs(self) -> bool:
        """Whether the proof is over the body, which is to be read first then."""

    def offered(self, headers: Headers, in_url: str | None) -> bool:
        """Whether the request has a proof of this kind at all."""

    def holds(self, headers: Headers, in_url: str | None, body: bytes, secrets: Secrets) -> bool:
        """Whether the proof is one of a secret; `body` is empty where the way does not sign."""


@dataclass(frozen=True)
class Signature:
    """HMAC of the body in hexadecimal digits, behind `prefix`."""

    header: str
    digest: str = "sha256"
    prefix: str = ""

    signs = True

    def offered(self, headers: Headers, _in_url: str | None) -> bool:
        return self.header in headers

    def holds(self, headers: Headers, _in_url: str | None, body: bytes, secrets: Secrets) -> bool:
        proof = _bytes(headers.get(self.header, ""))
        rights = (
            self.prefix.encode() + hmac.digest(secret, body, self.digest).hex().encode()
            for secret in secrets
        )
        return _is_one(proof, rights)


@dataclass(frozen=True)
class StandardSignature:
    """GitLab's signing token (Standard Webhooks, "Signature scheme"): HMAC-SHA256 of id, time and
    body. The time is not looked at: a replay makes a look, and no more than that."""

    header: str = "webhook-signature"

    signs = True

    def offered(self, headers: Headers, _in_url: str | None) -> bool:
        return self.header in headers

    def holds(self, headers: Headers, _in_url: str | None, body: bytes, secrets: Secrets) -> bool:
        told = [headers.get(name, "") for name in ("webhook-id", "webhook-timestamp")]
        signed = b".".join([*map(_bytes, told), body])
        rights = [
            b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
            for key in map(_signing_key, secrets)
            if key
        ]
        # Several, with spaces between them, while the sender's key is rotated.
        proofs = _bytes(headers.get(self.header, "")).split(b" ")[:10]
        return sum(_is_one(proof, rights) for proof in proofs) > 0


@dataclass(frozen=True)
class Token:
    """The secret itself in a header of the product's own."""

    header: str

    signs = False

    def offered(self, headers: Headers, _in_url: str | None) -> bool:
        return self.header in headers

    def holds(self, headers: Headers, _in_url: str | None, _body: bytes, secrets: Secrets) -> bool:
        return _is_one(_bytes(headers.get(self.header, "")), secrets)


@dataclass(frozen=True)
class Authorization:
    """The header `Authorization`: the secret itself, behind `Bearer`, or as the password of
    `Basic` with any user."""

    signs = False

    def offered(self, headers: Headers, _in_url: str | None) -> bool:
        return "authorization" in headers

    def holds(self, headers: Headers, _in_url: str | None, _body: bytes, secrets: Secrets) -> bool:
        value = _bytes(headers.get("authorization", "")).strip()
        scheme, _, rest = value.partition(b" ")
        proof = value
        if scheme.lower() == b"bearer":
            proof = rest.strip()
        elif scheme.lower() == b"basic":
            proof = _password(rest.strip())
        # The whole value as well, for a file that was given it with its `Bearer`.
        return sum((_is_one(proof, secrets), _is_one(value, secrets))) > 0


@dataclass(frozen=True)
class SecretUrl:
    """The secret as the last part of the URL, for products that can do nothing else."""

    signs = False

    def offered(self, _headers: Headers, in_url: str | None) -> bool:
        return in_url is not None

    def holds(self, _headers: Headers, in_url: str | None, _body: bytes, secrets: Secrets) -> bool:
        return _is_one((in_url or "").encode("utf-8", "surrogatepass"), secrets)


def proved_by_head(
    ways: Sequence[Way], headers: Headers, in_url: str | None, secrets: Secrets
) -> bool | None:
    """Whether the request proves itself, as far as can be told without its body; None where that
    decides."""
    offered = [way for way in ways if way.offered(headers, in_url)]
    if any(way.holds(headers, in_url, b"", secrets) for way in offered if not way.signs):
        return True
    return None if any(way.signs for way in offered) else False


def proved_by_body(ways: Sequence[Way], headers: Headers, body: bytes, secrets: Secrets) -> bool:
    return any(way.holds(headers, None, body, secrets) for way in ways if way.signs)


def _is_one(proof: bytes, rights: Iterable[bytes]) -> bool:
    # Not `any`: every one is compared, whichever is the right one.
    return sum(hmac.compare_digest(proof, right) for right in rights) > 0


def _bytes(header: str) -> bytes:
    """What came over the wire."""
    return header.encode("latin-1", "replace")


def _password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded).partition(b":")[2]
    except binascii.Error:
        return b""


def _signing_key(secret: bytes) -> bytes:
    """The key in `whsec_BASE64`; empty for what is no signing token."""
    prefix = b"whsec_"
    try:
        return base64.b64decode(secret.removeprefix(prefix)) if secret.startswith(prefix) else b""
    except binascii.Error:
        return b""

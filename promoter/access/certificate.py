"""Until when the certificates in a PEM file are valid: the one thing `ssl` does not tell. Pure."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _VERSION, _UTC_TIME = 0x30, 0xA0, 0x17
_BEFORE_VALIDITY = 3  # serial number, signature algorithm, issuer (RFC 5280, section 4.1)


def read_expiries(pem: str) -> tuple[datetime, ...]:
    """The end of validity of each certificate, in order; raises ValueError for a broken one."""
    return tuple(_expiry(ssl.PEM_cert_to_DER_cert(block)) for block in _PEM.findall(pem))


def _expiry(der: bytes) -> datetime:
    certificate = _enter(der, 0)
    signed = _enter(certificate, 0)
    position = 0
    if signed[:1] == bytes([_VERSION]):
        position = _element(signed, position)[2]
    for _ in range(_BEFORE_VALIDITY):
        position = _element(signed, position)[2]
    validity = _enter(signed, position)
    _, _, position = _element(validity, 0)
    tag, content, _ = _element(validity, position)
    text = content.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year, up to 2049 (section 4.1.2.5.1)
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _enter(der: bytes, position: int) -> bytes:
    tag, content, _ = _element(der, position)
    if tag != _SEQUENCE:
        raise ValueError("not a certificate")
    return content


def _element(der: bytes, position: int) -> tuple[int, bytes, int]:
    """Tag, content and end of the element at a position (X.690, definite lengths)."""
    try:
        tag, length = der[position], der[position + 1]
    except IndexError:
        raise ValueError("the certificate is cut off") from None
    start = position + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(der[start : start + size], "big")
        start += size
    if start + length > len(der):
        raise ValueError("the certificate is cut off")
    return tag, der[start : start + length], start + length

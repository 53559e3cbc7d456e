"""Keeps secrets out of whatever leaves the process.

Every secret that is read is registered here; `redact` masks it, and the user-info part of
any URL, in text that goes to a log, an error, a merge request or a metric.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping

MASK = "***"
_SHORTEST = 4  # masking shorter strings would shred ordinary text
_MOST_PASSING = 4096  # more tokens than that are not alive at once
_USER_INFO = re.compile(r"(?<=://)[^/\s@'\"]+@")
# Behind a slash: of `https://host/path?query`, and of the `GET /path?query` that urllib3 logs.
# What closes a sentence or a quotation ends the query only where nothing more of it follows.
# The second branch takes what is no URL with a query in one piece, so that any text is read once.
_QUERY = re.compile(r"([^\s?\"/]*+/[^\s?\"]*+)\?(?:[^\s\"',)]|[',)](?=[^\s\"',)]))++|[^\s?\"]++")


class _Index:
    """Finds strings without keeping them: by their last characters, length and hash, so that
    looking for all of them reads a text once, and a long one takes no more room than a short one.

    By the last and not the first ones: every JSON web token begins alike.
    """

    def __init__(self) -> None:
        self._by_tail: dict[str, Mapping[int, frozenset[int]]] = {}

    def add(self, secret: str) -> None:
        known = self._by_tail.get(secret[-_SHORTEST:], {})
        hashes = known.get(len(secret), frozenset()) | {hash(secret)}
        self._by_tail[secret[-_SHORTEST:]] = {**known, len(secret): hashes}

    def drop(self, tail: str, length: int, hashed: int) -> None:
        known = self._by_tail.get(tail, {})
        changed = {**known, length: known.get(length, frozenset()) - {hashed}}
        left = {each: hashes for each, hashes in changed.items() if hashes}
        if left:
            self._by_tail[tail] = left
        else:
            self._by_tail.pop(tail, None)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the strings stand, by their ends; takes no lock, an entry changes as a whole."""
        if not self._by_tail:
            return
        for end in range(_SHORTEST, len(text) + 1):
            known = self._by_tail.get(text[end - _SHORTEST : end])
            if known is None:
                continue
            for length, hashes in known.items():
                if length <= end and hash(text[end - length : end]) in hashes:
                    yield end - length, end


_lock = threading.Lock()
_lasting = _Index()
_passing = _Index()
# By the hash of a secret: how `_passing` knows each of its forms.
_recent: OrderedDict[int, tuple[tuple[str, int, int], ...]] = OrderedDict()


def register(secret: str) -> None:
    """Mask `secret` from now on, as it is, percent-encoded and as Base64, in their usual forms."""
    with _lock:
        for form in _forms(secret):
            _lasting.add(form)


def register_passing(secret: str) -> None:
    """Mask a short-lived secret (a bearer token) as `register` does, as long as it is among the
    last thousands: a process that runs for months sees too many to keep them all."""
    with _lock:
        key = hash(secret)
        if key in _recent:
            _recent.move_to_end(key)
            return
        forms = _forms(secret)
        for form in forms:
            _passing.add(form)
        if forms:
            _recent[key] = tuple((form[-_SHORTEST:], len(form), hash(form)) for form in forms)
        if len(_recent) > _MOST_PASSING:
            _, old = _recent.popitem(last=False)
            for tail, length, hashed in old:
                _passing.drop(tail, length, hashed)


def register_pair(username: str, password: str) -> None:
    """Mask the password, and what an `Authorization: Basic` header makes of the pair."""
    import base64

    register(password)
    pair = f"{username}:{password}".encode("utf-8", "surrogatepass")
    register(base64.b64encode(pair).decode())


def redact(text: str) -> str:
    """`text` without registered secrets and without user-info in URLs."""
    spans = sorted((*_lasting.spans(text), *_passing.spans(text)))
    if spans:
        text = _mask(text, spans)
    return _USER_INFO.sub(f"{MASK}@", text)


def redact_log(text: str) -> str:
    """`redact`, and without the queries of URLs: that of a presigned one is a credential."""
    return _QUERY.sub(lambda m: m[0] if m[1] is None else f"{m[1]}?{MASK}", redact(text))


def _forms(secret: str) -> frozenset[str]:
    import base64  # here, because most commands have no secret and start faster without
    from urllib.parse import quote, quote_plus

    if len(secret) < _SHORTEST:
        return frozenset()
    data = secret.encode("utf-8", "surrogatepass")  # the environment may hold any bytes
    quoted = {quote(data, safe=""), quote(data), quote_plus(data)}
    encoded = {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    # Some write Base64 without what fills it up; HTTP reads the UTF-8 of a header as Latin-1.
    unfilled = {each.rstrip("=") for each in encoded}
    misread = data.decode("latin-1")
    return frozenset({secret, misread, *quoted, *encoded, *unfilled})


def _mask(text: str, spans: list[tuple[int, int]]) -> str:
    """`text` with one mask for each run of spans that overlap; `spans` are sorted."""
    parts: list[str] = []
    shown = 0  # up to here the text is told or masked
    for start, end in spans:
        if start >= shown:
            parts += [text[shown:start], MASK]
        shown = max(shown, end)
    return "".join([*parts, text[shown:]])

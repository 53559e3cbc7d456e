"""Credentials that end by themselves: kept while they are good, fetched by one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from promoter.access.credentials.credential import Credential, mask
from promoter.errors import InputError, PromoterError, TransientError

SHORTEST = 60.0
"""Seconds that a fresh credential is kept at least: this machine's clock may be wrong."""

_LONGEST_MARGIN = 300.0  # seconds
_AFTER_FAILURE = 15.0  # seconds: 1,000 repositories must not ask a dead source 1,000 times
_AFTER_REFUSAL = 60.0  # seconds: a registry that refuses for ever must not, either


@dataclass(frozen=True)
class Lease:
    """A credential (None: the source has none) and for how many seconds from the asking on."""

    credential: Credential | None
    lifetime: float


@dataclass(frozen=True)
class _Held:
    credential: Credential | None
    renew_at: float
    ends: float

    def is_good(self, refused: Credential | None, now: float) -> bool:
        return self.credential not in (None, refused) and now < self.ends


class Renewed:
    """The credential of one source; thread-safe. `clock` in seconds, monotonic."""

    def __init__(
        self, fetch: Callable[[], Lease], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._error: PromoterError | None = None
        self._error_until = 0.0
        self._refusable_at = 0.0

    def get(self, refused: Credential | None = None) -> Credential | None:
        """The credential; fetched again when it was refused, once in a while.

        Raises what the source raises. While the old one is good, neither its failure nor its
        slowness is ours: whoever comes while one renews it gets the old one.
        """
        held = self._held
        if held is None or not held.is_good(refused, self._clock()):
            self._lock.acquire()
        elif not self._lock.acquire(blocking=False):
            return held.credential
        try:
            return self._get(refused)
        finally:
            self._lock.release()

    def _get(self, refused: Credential | None) -> Credential | None:
        now, held = self._clock(), self._held
        if self._error is not None and now < self._error_until:
            if held is not None and held.is_good(refused, now):
                return held.credential
            raise _again(self._error)
        if held is not None and now < held.renew_at:
            if refused is None or refused != held.credential or now < self._refusable_at:
                return held.credential
            self._refusable_at = now + _AFTER_REFUSAL
        try:
            fresh = self._fetch()
        except (InputError, TransientError) as error:
            after = self._clock()
            self._error, self._error_until = error, after + _AFTER_FAILURE
            if held is not None and held.is_good(refused, after):
                return held.credential
            raise
        self._error = None
        ends = now + fresh.lifetime
        margin = min(fresh.lifetime * 0.1, _LONGEST_MARGIN)
        self._held = _Held(fresh.credential, ends - margin, ends)
        if fresh.credential is not None:
            mask(fresh.credential, passing=True)
        return fresh.credential


def _again(error: PromoterError) -> PromoterError:
    """The same error anew, of its own kind: one that was raised in another thread carries that
    one's trace."""
    if isinstance(error, TransientError):
        return TransientError(error.message, where=error.where, retry_after=error.retry_after)
    return type(error)(error.message, where=error.where)

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


class Renewed:
    """The credential of one source; thread-safe. `clock` in seconds, monotonic."""

    def __init__(
        self, fetch: Callable[[], Lease], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self._ends = 0.0
        self._renew_at = 0.0
        self._error: PromoterError | None = None
        self._error_until = 0.0
        self._refusable_at = 0.0

    def get(self, refused: Credential | None = None) -> Credential | None:
        """The credential; fetched again when it was refused, once in a while.

        Raises what the source raises. While the old one is good, its failure is none of ours.
        """
        with self._lock:
            now = self._clock()
            if self._error is not None and now < self._error_until:
                raise _again(self._error)
            lease = self._lease
            if lease is not None and now < self._renew_at:
                if refused is None or refused != lease.credential or now < self._refusable_at:
                    return lease.credential
                self._refusable_at = now + _AFTER_REFUSAL
            try:
                fresh = self._fetch()
            except (InputError, TransientError) as error:
                if lease and lease.credential not in (None, refused) and now < self._ends:
                    self._renew_at = min(now + _AFTER_FAILURE, self._ends)
                    return lease.credential
                self._error, self._error_until = error, self._clock() + _AFTER_FAILURE
                raise
            self._error = None
            self._lease = fresh
            self._ends = now + fresh.lifetime
            self._renew_at = self._ends - min(fresh.lifetime * 0.1, _LONGEST_MARGIN)
            if fresh.credential is not None:
                mask(fresh.credential, passing=True)
            return fresh.credential


def _again(error: PromoterError) -> PromoterError:
    """The same error anew, of its own kind: one that was raised in another thread carries that
    one's trace."""
    if isinstance(error, TransientError):
        return TransientError(error.message, where=error.where, retry_after=error.retry_after)
    return type(error)(error.message, where=error.where)

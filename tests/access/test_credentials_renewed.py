"""A credential of a source that is slow or fails: nobody waits for it without need."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from promoter.access.credentials import Credential
from promoter.access.credentials.renewed import Lease, Renewed
from promoter.access.redaction import redact
from promoter.errors import TransientError

OLD, NEW = Credential("AWS", "canary-old"), Credential("AWS", "canary-new")
HOURS = 12 * 3600.0
NEAR = HOURS - 299.0  # it is to be renewed, and still good


class Source:
    """Gives OLD, then what `then` says; each answer takes `seconds`."""

    def __init__(self, then: Callable[[], Lease], seconds: float = 0.0) -> None:
        self.now = 0.0
        self.asked = 0
        self._then = then
        self._seconds = seconds
        self.renewed = Renewed(self._fetch, lambda: self.now)
        assert self.renewed.get() == OLD

    def _fetch(self) -> Lease:
        self.asked += 1
        if self.asked == 1:
            return Lease(OLD, HOURS)
        self.now += self._seconds
        return self._then()


def fails() -> Lease:
    raise TransientError("sts.amazonaws.com did not answer in time")


def test_a_source_that_is_busy_makes_one_wait_and_not_the_next() -> None:
    source = Source(fails, seconds=60.0)
    source.now = NEAR
    waited = []
    for _ in range(4):
        before = source.now
        assert source.renewed.get() == OLD
        waited.append(source.now - before)
    assert waited == [60.0, 0.0, 0.0, 0.0]
    source.now += 15.0
    assert source.renewed.get() == OLD
    assert source.asked == 3


def test_while_one_renews_the_others_take_the_old_one() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Lease:
        begun.set()
        assert go_on.wait(10)
        return Lease(NEW, HOURS)

    source = Source(slow)
    source.now = NEAR
    with ThreadPoolExecutor(1) as threads:
        renewing = threads.submit(source.renewed.get)
        try:
            assert begun.wait(10)
            assert [source.renewed.get() for _ in range(3)] == [OLD] * 3
        finally:
            go_on.set()
        assert renewing.result() == NEW
    assert source.renewed.get() == NEW
    assert source.asked == 2
    assert redact("canary-old canary-new") == "*** ***"


def test_what_ended_meanwhile_is_not_given_any_more() -> None:
    source = Source(fails, seconds=300.0)
    source.now = NEAR
    with pytest.raises(TransientError, match="did not answer in time"):
        source.renewed.get()
    with pytest.raises(TransientError, match="did not answer in time"):
        source.renewed.get()
    assert source.asked == 2


def test_a_refusal_of_one_repository_is_no_failure_of_the_others() -> None:
    source = Source(fails)
    with pytest.raises(TransientError):
        source.renewed.get(OLD)
    with pytest.raises(TransientError):
        source.renewed.get(OLD)
    assert source.renewed.get() == OLD
    assert source.asked == 2

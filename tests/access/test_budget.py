"""How often a server is asked: by its owner's rate, and by what it says itself."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.access.budget import Budget, Rate, Told, told
from promoter.errors import InputError, TransientError

OK = told(200, {})
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
DATE = {"Date": format_datetime(NOON, usegmt=True)}


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("50/s", Rate(50, 1)),
        ("600/m", Rate(600, 60)),
        (" 100 / 6h ", Rate(100, 21_600)),
        ("5000/d", Rate(5000, 86_400)),
    ],
)
def test_a_rate_is_a_number_in_a_time(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate


@pytest.mark.parametrize("text", ["", "50", "0/s", "5/0s", "-1/s", "1.5/s", "5/week", "²/s", "/s"])
def test_a_rate_that_is_none_says_how_to_write_one(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a rate: .* 50/s, 600/m or 100/6h"):
        Rate.parse(text)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {}, Told()),
        (200, {"Retry-After": "9"}, Told()),
        (503, {}, Told()),
        # trouble is the question's own, and nobody else's
        (503, {"Retry-After": "9"}, Told(pause=9)),
        (502, {"Retry-After": "9"}, Told(pause=9)),
        (
            503,
            {"Retry-After": "9", "RateLimit-Remaining": "3;w=60"},
            Told(pause=9, pulls_left=3, window=60),
        ),
        (429, {"Retry-After": "9"}, Told(rest=9)),
        (
            429,
            {"Retry-After": format_datetime(NOON + timedelta(0, 40), usegmt=True), **DATE},
            Told(rest=40),
        ),
        (429, {}, Told(guess=True)),
        # as some write it: seconds since 1970
        (429, {"Retry-After": f"{NOON.timestamp() + 40:.0f}", **DATE}, Told(rest=40)),
        (429, {"Retry-After": f"{NOON.timestamp() + 40:.0f}"}, Told(guess=True)),
        (429, {"Retry-After": "9" * 400}, Told(guess=True)),
        (429, {"Retry-After": f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT", **DATE}, Told(guess=True)),
        (429, {"Retry-After": "Tue, 03 Nov 2026 12:00:40 -0000", **DATE}, Told(rest=40)),
        # Docker Hub: what is left of the pulls, with every answer
        (200, {"RateLimit-Remaining": "76;w=21600"}, Told(pulls_left=76, window=21_600)),
        (200, {"RateLimit-Remaining": "0;w=21600"}, Told(pulls_left=0, window=21_600)),
        (429, {"RateLimit-Remaining": "0;w=21600"}, Told(pulls_left=0, window=21_600)),
        (
            429,
            {"RateLimit-Remaining": "0;w=21600", "Retry-After": "60"},
            Told(pulls_left=0, window=60),
        ),
        # its other limit, on all requests of an address, while pulls are left
        (
            429,
            {"RateLimit-Remaining": "76;w=21600", "Retry-After": "60"},
            Told(60, pulls_left=76, window=21_600),
        ),
        (
            429,
            {"RateLimit-Remaining": "76;w=21600"},
            Told(guess=True, pulls_left=76, window=21_600),
        ),
        # others: requests of any kind, until the reset
        (200, {"RateLimit-Remaining": "3", "RateLimit-Reset": "30"}, Told()),
        (200, {"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, Told(rest=30)),
        (
            200,
            {
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": f"{NOON.timestamp() + 25:.0f}",
                **DATE,
            },
            Told(rest=25),
        ),
        (
            200,
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{NOON.timestamp():.0f}"},
            Told(),
        ),
        (200, {"RateLimit-Remaining": "0"}, Told()),
        (200, {"RateLimit-Remaining": "none;w=x"}, Told()),
        (200, {"RateLimit-Remaining": "0;w=x"}, Told()),
    ],
)
def test_what_a_response_says(status: int, headers: dict[str, str], expected: Told) -> None:
    assert told(status, headers) == expected


_NAMES = st.sampled_from(["Retry-After", "Date", "RateLimit-Remaining", "RateLimit-Reset"])
_VALUES = st.text(st.characters(max_codepoint=255), max_size=12)
_DATES = st.from_regex(r"\AMon, 01 Jan [0-9]{1,25} [0-9]{2}:00:00 [+-][0-9]{4,25}\Z")
_NUMBERS = st.from_regex(r"\A[0-9]{1,15}(;w=[0-9]+)?\Z")


@given(st.sampled_from([200, 429, 503]), st.dictionaries(_NAMES, _VALUES | _NUMBERS | _DATES))
def test_whatever_a_server_writes_is_a_sane_wait(status: int, headers: dict[str, str]) -> None:
    said = told(status, headers)
    assert 0 <= (said.rest or said.pause or 0) <= 86_400
    assert 0 <= (said.again or 0) <= 86_400
    assert 0 <= said.window <= 86_400


def test_without_a_rate_nobody_waits() -> None:
    budget = Budget("r.example")
    assert [budget.reserve(5.0, most=0.0).wait for _ in range(1000)] == [0.0] * 1000


def test_a_rate_allows_its_count_at_once_and_then_one_after_the_other() -> None:
    budget = Budget("r.example", Rate(10, 1))
    waits = [budget.reserve(0.0, most=5.0).wait for _ in range(14)]
    assert waits == pytest.approx([0.0] * 10 + [0.1, 0.2, 0.3, 0.4])
    # four are promised already, so after a second six are left
    assert [budget.reserve(1.0, most=0.0).wait for _ in range(6)] == [0.0] * 6
    assert budget.reserve(1.0, most=5.0).wait == pytest.approx(0.1)


def test_a_wait_that_is_too_long_is_refused_and_costs_nothing() -> None:
    budget = Budget("r.example", Rate(1, 60))
    assert budget.reserve(0.0, most=5.0).wait == 0.0
    for _ in range(3):
        with pytest.raises(
            TransientError, match=r"r\.example is not asked now: its rate limit"
        ) as e:
            budget.reserve(0.0, most=5.0)
        assert e.value.retry_after == timedelta(seconds=60)
    assert budget.reserve(60.0, most=5.0).wait == 0.0


@pytest.mark.parametrize("rate", [Rate(20, 6 * 3600), Rate(7, 600)])
def test_a_rate_that_is_too_small_is_spread_over_all(rate: Rate) -> None:
    """50 repositories, asked in the same order every ten minutes, over two days."""
    budget = Budget("r.example", rate)
    got = [0] * 50
    for look in range(2 * 24 * 6):
        for repository in range(50):
            try:
                budget.reserve(look * 600.0, 5.0, question=repository)
            except TransientError:
                continue
            got[repository] += 1
    assert sum(got) == pytest.approx(rate.count * (1 + 2 * 86_400 / rate.seconds), rel=0.03)
    assert min(got) + 1 > 0.8 * max(got) > 0


def test_who_was_sent_away_hears_when_the_turn_comes() -> None:
    budget = Budget("r.example", Rate(1, 60))
    budget.reserve(0.0, 5.0, question=1)
    told = []
    for question in (2, 3, 4, 2):
        with pytest.raises(TransientError) as caught:
            budget.reserve(0.0, 5.0, question=question)
        assert caught.value.retry_after
        told.append(caught.value.retry_after.total_seconds())
    assert told == [60, 120, 180, 60]


def test_who_never_comes_back_holds_nobody_up_for_ever() -> None:
    budget = Budget("r.example", Rate(2, 60))
    for question in range(9):
        with suppress(TransientError):
            budget.reserve(0.0, 5.0, question=question)
    with pytest.raises(TransientError):
        budget.reserve(120.0, 5.0, question=100)
    assert budget.reserve(3601.0, 5.0, question=100).wait == 0.0


def test_one_answer_does_not_stop_a_server_for_a_day() -> None:
    budget = Budget("r.example")
    budget.learn(budget.reserve(0.0, 5.0), Told(rest=86_400.0), now=0.0)
    with pytest.raises(TransientError) as caught:
        budget.reserve(1.0, most=5.0)
    assert caught.value.retry_after == timedelta(seconds=899)
    probe = budget.reserve(900.0, most=5.0)
    assert probe.wait == 0.0
    budget.learn(probe, Told(rest=86_400.0), now=900.0)
    with pytest.raises(TransientError):
        budget.reserve(901.0, most=5.0)


def test_who_is_told_to_wait_closes_the_door_for_all() -> None:
    budget = Budget("r.example")
    budget.learn(budget.reserve(0.0, 5.0), Told(rest=3.0), now=0.0)
    first, second, third = (budget.reserve(1.0, most=5.0) for _ in range(3))
    # they come one after the other, not all at once
    assert 2.0 == first.wait < second.wait < third.wait < 2.5
    assert budget.holds(second)
    # the first is told to wait again: the others ask for another slot, and it is too far away
    budget.learn(first, Told(rest=30.0), now=3.0)
    assert not budget.holds(second)
    with pytest.raises(TransientError, match="it asked to wait") as caught:
        budget.reserve(3.1, most=5.0)
    assert caught.value.retry_after == timedelta(seconds=29.9)
    # the first good answer opens it for everybody
    budget.learn(budget.reserve(33.0, most=0.0), OK, now=33.1)
    assert [budget.reserve(33.1, most=0.0).wait for _ in range(9)] == [0.0] * 9


def test_an_answer_from_before_the_rest_neither_ends_nor_doubles_it() -> None:
    budget = Budget("r.example")
    early = [budget.reserve(0.0, 5.0) for _ in range(3)]
    budget.learn(early[0], Told(guess=True), now=0.1)
    budget.learn(early[1], Told(guess=True), now=0.1)  # it was under way already
    budget.learn(early[2], OK, now=0.2)
    assert budget.reserve(0.1, most=5.0).wait == pytest.approx(1.0)


def test_who_never_says_how_long_is_left_longer_each_time() -> None:
    budget = Budget("r.example")
    now, rests = 0.0, []
    for _ in range(8):
        slot = budget.reserve(now, most=0.0)
        budget.learn(slot, Told(guess=True), now)
        with pytest.raises(TransientError) as caught:
            budget.reserve(now, most=0.0)
        assert caught.value.retry_after
        rests.append(caught.value.retry_after.total_seconds())
        now += rests[-1]
    assert rests == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60])
    budget.learn(budget.reserve(now, most=0.0), OK, now)
    budget.learn(budget.reserve(now, most=0.0), Told(guess=True), now)
    assert budget.reserve(now, most=5.0).wait == pytest.approx(1.0)


def test_used_up_pulls_stop_pulls_alone_until_they_are_back() -> None:
    budget = Budget("hub")
    budget.learn(budget.reserve(0.0, 5.0, pull=True), Told(pulls_left=0, window=21_600.0), 0.0)
    assert budget.reserve(10.0, most=0.0).wait == 0.0
    with pytest.raises(TransientError, match="its pull limit is used up") as caught:
        budget.reserve(10.0, most=5.0, pull=True)
    assert caught.value.retry_after == timedelta(seconds=21_590)
    # the window slides: any answer, of a HEAD too, tells that there are some again
    budget.learn(budget.reserve(99.0, most=0.0), Told(pulls_left=1, window=21_600.0), 99.0)
    assert budget.reserve(99.0, most=0.0, pull=True).wait == 0.0

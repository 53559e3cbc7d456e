"""What holds for every policy that orders by version, whatever tags there are."""

from __future__ import annotations

import re
from copy import deepcopy
from datetime import timedelta
from fnmatch import fnmatchcase
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.decisions.policies.policy import Choice, Order
from promoter.model.facts import SightingsOf
from promoter.model.rule import ArtifactRule
from tests.decisions.choosing import choose, chosen, order, reasons, tags
from tests.decisions.rules import artifact, digest
from tests.decisions.world import NOW, World, ago

FILTER = r"(?P<version>[0-9].*?)(?:-slim)?"
POLICIES = [
    artifact("semver", ">=1.0 || 0.x"),
    artifact("semver", "*", prereleases=True, tags=FILTER, ignore=("*-debug", "3.*")),
    artifact("calver", "YYYY.MM.MICRO"),
    artifact("calver", "YY.0M.MICRO-MODIFIER", prereleases=True, tags=FILTER, ignore=("*.1",)),
    artifact("numeric", "asc"),
    artifact("numeric", "desc", tags=FILTER, ignore=("2*",)),
    artifact("alphabetical", "asc", tags="[a-z0-9].*", ignore=("*debug*",)),
    artifact("alphabetical", "desc"),
]
SURVIVOR = re.compile(r"is the same version as |(is (lower|higher) than|sorts (before|after)) ")

_small = st.integers(0, 30).map(str)
_dotted = st.lists(_small, min_size=1, max_size=4).map(".".join)
_dates = st.builds(
    "{}.{}.{}".format,
    st.sampled_from(["2025", "2026", "26"]),
    st.sampled_from(["1", "01", "10", "13"]),
    _small,
)
_ends = st.sampled_from(["", "", "", "-rc.1", "-rc.10", "-slim", "-debug", "_b1"])
_words = st.sampled_from(["latest", "main", "sha-1234567", "20260301"])
TAG = (
    st.builds("{}{}{}".format, st.sampled_from(["", "", "v", "V"]), _dotted | _dates, _ends)
    | _words
)
TAGS = st.lists(TAG, min_size=1, max_size=12, unique=True)


def _id(followed: ArtifactRule) -> str:
    more = "-filtered" if followed.tags else ""
    return f"{followed.select.policy}-{followed.select.argument.split(' ')[0]}{more}"


each_policy = pytest.mark.parametrize("followed", POLICIES, ids=_id)


@each_policy
@given(listed=TAGS)
def test_every_tag_is_accounted_for_and_the_chosen_one_passes_every_filter(
    followed: ArtifactRule, listed: list[str]
) -> None:
    choice = choose(tags(*listed), followed)
    best = chosen(choice)
    assert {*reasons(choice), best} - {None} == set(listed)
    if best is not None:
        assert best not in reasons(choice)
        assert not any(fnmatchcase(best, glob) for glob in followed.ignore)
        assert followed.tags is None or re.fullmatch(followed.tags, best)


@each_policy
@given(listed=TAGS, data=st.data())
def test_the_order_of_the_tags_does_not_matter(
    followed: ArtifactRule, listed: list[str], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(listed))
    assert choose(tags(*listed), followed) == choose(tags(*shuffled), followed)


@each_policy
@given(listed=TAGS)
def test_the_winner_is_not_lower_than_any_other_survivor(
    followed: ArtifactRule, listed: list[str]
) -> None:
    choice = choose(tags(*listed), followed)
    best = chosen(choice)
    survivors = [tag for tag, why in reasons(choice).items() if SURVIVOR.match(why)]
    assert best is not None or not survivors
    for other in survivors:
        assert order(followed, other, best or "") in (Order.HIGHER, Order.SAME)


@each_policy
@given(one=TAG, other=TAG)
def test_the_order_is_antisymmetric(followed: ArtifactRule, one: str, other: str) -> None:
    opposite = {Order.HIGHER: Order.LOWER, Order.LOWER: Order.HIGHER}
    forth = order(followed, one, other)
    assert order(followed, other, one) is opposite.get(forth, forth)


@each_policy
@given(listed=st.lists(TAG, min_size=3, max_size=8, unique=True))
def test_the_order_of_versions_is_transitive(followed: ArtifactRule, listed: list[str]) -> None:
    """Of texts that are versions to the policy: a guess by dotted numbers is none."""
    readable = [tag for tag in listed if _is_version(followed, tag)]
    rising = {(a, b) for a, b in product(readable, repeat=2) if _rises(followed, a, b)}
    for a, b, c in product(readable, repeat=3):
        if (a, b) in rising and (b, c) in rising:
            assert (a, c) in rising
    for a, b in combinations(readable, 2):
        assert order(followed, a, b) is not Order.UNORDERED


# -- what images say of themselves ----------------------------------------------------------------

BOTH = ("linux/amd64", "linux/arm64")
SLOW: list[ArtifactRule] = [
    artifact(minimum_age=timedelta(days=1)),
    artifact(minimum_age=timedelta(days=1), platforms=BOTH),
    artifact("newest", "build", minimum_age=timedelta(days=1), platforms=BOTH),
    artifact("tag", "1.1.0", minimum_age=timedelta(days=1)),
]
each_slow_policy = pytest.mark.parametrize("followed", SLOW, ids=_id)
HOURS = st.integers(0, 72).map(lambda hours: timedelta(hours=hours))


@st.composite
def dated_worlds(draw: st.DrawFn) -> World:
    """A few versions that were built in the last three days, not always in their order, and hold
    one platform or both."""
    world = World()
    for minor in range(draw(st.integers(2, 6))):
        tag = f"1.{minor}.0"
        world.built("web", tag, NOW - draw(HOURS))
        world.platforms[digest(f"web:{tag}")] = draw(st.sampled_from([BOTH, BOTH, BOTH[:1]]))
    return world


@each_slow_policy
@given(world=dated_worlds(), looks=st.lists(HOURS, max_size=5))
def test_what_the_bot_saw_before_changes_no_choice(
    followed: ArtifactRule, world: World, looks: list[timedelta]
) -> None:
    """Fresh equals warm: of images that say their creation time the ledger tells nothing more."""
    warm = deepcopy(world)
    for before in sorted(looks, reverse=True):
        warm.sightings.extend(choose(warm, followed, NOW - before).sightings)
    broken = deepcopy(warm)
    broken.fails(SightingsOf)
    fresh = _decided(choose(world, followed))
    assert _decided(choose(warm, followed)) == fresh
    assert _decided(choose(broken, followed)) == fresh
    assert _decided(choose(world, followed, repository=None)) == fresh


@each_slow_policy
@given(world=dated_worlds(), look=HOURS, later=HOURS)
def test_as_time_passes_a_choice_stands_or_a_better_one_comes(
    followed: ArtifactRule, world: World, look: timedelta, later: timedelta
) -> None:
    at = ago(days=3) + look
    before, after = choose(world, followed, at).image, choose(world, followed, at + later).image
    if before is not None:
        assert after is not None
        ranked = sorted(world.tags["web"], key=lambda tag: _rank(followed, world, tag))
        assert ranked.index(after.tag or "") >= ranked.index(before.tag or "")


@each_slow_policy
@given(world=dated_worlds())
def test_who_chooses_nothing_says_what_it_waits_for(followed: ArtifactRule, world: World) -> None:
    choice = choose(world, followed)
    assert bool(choice.refusal) == (choice.image is None)
    if choice.image is None:
        best = max(reasons(choice), key=lambda tag: _rank(followed, world, tag))
        assert choice.refusal == f"{best} {reasons(choice)[best]}"


def _decided(choice: Choice) -> tuple[object, ...]:
    return choice.image, choice.passed_over, choice.stop, choice.refusal


def _rank(followed: ArtifactRule, world: World, tag: str) -> tuple[object, str]:
    built = world.created[digest(f"web:{tag}")]
    return (built if followed.select.policy == "newest" else 0), tag


def _is_version(followed: ArtifactRule, tag: str) -> bool:
    return chosen(choose(tags(tag), followed)) is not None


def _rises(followed: ArtifactRule, a: str, b: str) -> bool:
    return a != b and order(followed, a, b) is Order.HIGHER

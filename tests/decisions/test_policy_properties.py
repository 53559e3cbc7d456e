"""What holds for every policy that orders by version, whatever tags there are."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.decisions.policies.policy import Order
from promoter.model.rule import ArtifactRule
from tests.decisions.choosing import choose, chosen, order, reasons, tags
from tests.decisions.rules import artifact

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


def _is_version(followed: ArtifactRule, tag: str) -> bool:
    return chosen(choose(tags(tag), followed)) is not None


def _rises(followed: ArtifactRule, a: str, b: str) -> bool:
    return a != b and order(followed, a, b) is Order.HIGHER

"""Cases of comparable tools: what Flux and Keel choose, and where we choose otherwise, why.

The tables `OURS_*` name every case in which we differ; a case that is not named must come out as
its author has it. docs/policies.md says the same for people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from promoter.decisions.policies import POLICIES
from promoter.decisions.policies.filters import compared_text, filter_tags
from promoter.decisions.policies.policy import Order
from promoter.model.facts import NotKnown
from promoter.model.image import ImageReference
from promoter.model.rule import ArtifactRule
from promoter.model.version import SemanticVersion
from tests.decisions.choosing import choose, chosen, order, reasons, tags
from tests.decisions.rules import artifact
from tests.needs import SHARED, need

Case = Mapping[str, Any]
FILES = {
    "TestAlphabetical_Latest.json",
    "TestNumerical_Latest.json",
    "TestRegexFilter.json",
    "TestSemVer_Latest.json",
    "keel-force__TestForcePolicyFilter.json",
    "keel-force__TestForcePolicyShouldUpdate.json",
    "keel-glob__TestGlobPolicy_ShouldUpdate.json",
    "keel-image_parse__TestParseRepo.json",
    "keel-semver__Test_shouldUpdate.json",
}


def read(file: str) -> list[Case]:
    cases: list[Case] = json.loads((need("shared/peer-cases/policies") / file).read_text("utf-8"))
    assert cases
    return cases


def cases_of(file: str) -> Iterable[Any]:
    """One parameter a case; where the folder is absent one that tells so when it runs."""
    if not (SHARED / "peer-cases" / "policies" / file).exists():
        return [pytest.param({}, id="absent")]
    return [
        pytest.param(case, id=str(case.get("label", case.get("name"))).replace(" ", "-"))
        for case in read(file)
    ]


def each_case(file: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases_of(file))


@pytest.fixture(autouse=True)
def _cases_are_there() -> None:
    need("shared/peer-cases/policies")


def test_every_file_of_cases_is_read_here() -> None:
    assert {each.name for each in need("shared/peer-cases/policies").iterdir()} == FILES


def best_of(listed: Iterable[str], followed: ArtifactRule) -> str | None:
    """What is chosen; None also where the registry lists nothing, which is no answer to us."""
    try:
        return chosen(choose(tags(*listed), followed))
    except NotKnown as error:
        assert error.unknown.why == "ghcr.io/shop/web lists no tags"  # noqa: PT017 - one of two
        return None


# -- Flux: image-reflector-controller ----------------------------------------------------------

OURS_OF_FLUX_NUMBERS = {
    # One tag that is no number makes Flux refuse all of them; to us it is a tag that lost, with
    # its reason, as it would under every other policy.
    "With invalid numerical value": "0",
}


@each_case("TestSemVer_Latest.json")
def test_flux_semver(case: Case) -> None:
    found = best_of(case["versions"], artifact("semver", case["semverRange"]))
    assert found == case.get("expectedVersion")


@each_case("TestAlphabetical_Latest.json")
def test_flux_alphabetical(case: Case) -> None:
    direction = "desc" if case.get("order") == "AlphabeticalOrderDesc" else "asc"
    found = best_of(case["versions"], artifact("alphabetical", direction))
    assert found == case.get("expectedVersion")


@each_case("TestNumerical_Latest.json")
def test_flux_numerical(case: Case) -> None:
    """A tag can't begin with '-', so the numbers are what a group of the tag says."""
    direction = "desc" if case.get("order") == "NumericalOrderDesc" else "asc"
    followed = artifact("numeric", direction, tags=r"n(?P<version>.*)")
    found = best_of((f"n{version}" for version in case["versions"]), followed)
    ours = OURS_OF_FLUX_NUMBERS.get(case["label"], case.get("expectedVersion"))
    assert found == (ours if ours is None else f"n{ours}")


OURS_OF_FLUX_PATTERNS = {
    # We match the whole tag, Flux searches in it: what it leaves open is written out.
    "valid pattern": "^ver.*",
    # Our one group that means something is named `version`; Flux's template names any.
    "valid pattern with capture group": r"ver(?P<version>\d+)",
    "valid pattern with capture group (complex regex 2)": (
        r"^(?P<version>123-[0-9]+\.[0-9]+\.[a-z0-9]+[^-debug])"
    ),
    "valid pattern with capture group (complex regex 3)": (
        r"^(?P<version>123-[0-9]+\.[0-9]+\.[a-z0-9]+$)"
    ),
}


@each_case("TestRegexFilter.json")
def test_flux_filter(case: Case) -> None:
    pattern = OURS_OF_FLUX_PATTERNS.get(case["label"], case.get("pattern"))
    followed = artifact("alphabetical", "asc", tags=pattern)
    assert [text for _, text in filter_tags(followed, case["tags"], [])] == case["expected"]


# -- Keel ---------------------------------------------------------------------------------------

KEEL_RANGES = {
    "SemverPolicyTypeAll": "*",
    "SemverPolicyTypeMajor": "*",
    "SemverPolicyTypeMinor": "^{}",
    "SemverPolicyTypePatch": "~{}",
}

OURS_OF_KEEL_SEMVER = {
    # Keel's matching of prereleases ("same suffix as what runs") has no word in node's ranges;
    # we take prereleases or we don't, and a suffix that is no prerelease (`-alpine`) is cut
    # by `tags`. With prereleases on, 1.4.6-yy is later than 1.4.5-xx, and we say so.
    "patch increase, policy minor, wrong prerelease": True,
    "parsed prerelease patch increase, policy minor, no prerelease": True,
}


@each_case("keel-semver__Test_shouldUpdate.json")
def test_keel_semver(case: Case) -> None:
    """Keel has a policy and the tag that runs; we a range, made here from both."""
    current, new, kind = (case["args"][key] for key in ("current", "new", "spt"))
    numbers = SemanticVersion.parse(current)
    assert numbers is not None
    base = str(numbers)
    followed = artifact("semver", KEEL_RANGES[kind].format(base), prereleases=True)
    updates = best_of([new], followed) == new and order(followed, current, new) is Order.HIGHER
    assert updates is OURS_OF_KEEL_SEMVER.get(case["name"], case["want"])
    if case["wantErr"]:
        assert reasons(choose(tags(new), followed))[new].startswith(
            "begins with a lone long number"
        )


@each_case("keel-force__TestForcePolicyFilter.json")
def test_keel_sorts_versions_descending(case: Case) -> None:
    """Keel keeps tags that are no versions behind the others; we pass them over with a reason.
    A build such as 7.9.1-1-ubi8 is a prerelease to semver, so they must be let in."""
    followed = artifact("semver", "*", prereleases=True)
    left = list(case["tags"])
    ranked: list[str] = []
    while (best := best_of(left, followed)) is not None:
        ranked.append(best)
        left.remove(best)
    assert ranked + left == case["want"]


OURS_OF_KEEL_FORCE = {
    # "force" follows whatever is pushed; to us a tag that moves is followed by `tag: NAME`, and
    # then a new digest is later although its name is the same.
    "force, same tag is an update (mutable tag re-push)": "moving",
    "force tag match, same tag is an update": "moving",
    # The same version pushed again: we call that a tag that moved, and stop, instead of taking
    # it. Promise 7: what ran upstream is what runs downstream.
    "force, same semver tag re-push is an update": "moved",
    # Texts that don't order: what never ran here is taken.
    "force, non semver tags have no ordering": "unordered",
    "force, non semver current, semver new": "unordered",
    # `matchTag` is our `tag: NAME`, which looks at no other tag.
    "force tag match, different tag is not an update": "one tag",
    "force tag match, different higher semver tag is not an update": "one tag",
}


@each_case("keel-force__TestForcePolicyShouldUpdate.json")
def test_keel_force(case: Case) -> None:
    current, new = case["current"], case["new"]
    ours = OURS_OF_KEEL_FORCE.get(case["name"])
    semver = artifact("semver", "*", prereleases=True)
    pushed_again = f"{new}@again"
    if ours == "moving":
        found = order(artifact("tag", current), current, pushed_again)
        assert case["wantUpdate"] is (found is Order.UNORDERED), "a digest that never ran is later"
    elif ours == "moved":
        assert order(semver, current, pushed_again) is Order.MOVED
    elif ours == "unordered":
        assert order(semver, current, new) is Order.UNORDERED
    elif ours == "one tag":
        assert chosen(choose(tags(current, new), artifact("tag", current))) == current
        assert case["wantUpdate"] is False
    else:
        assert (order(semver, current, new) is Order.HIGHER) is case["wantUpdate"]


@each_case("keel-glob__TestGlobPolicy_ShouldUpdate.json")
def test_keel_glob(case: Case) -> None:
    """A glob that must match is an expression to us; what is compared is the tag's text."""
    current, new = case["args"]["current"], case["args"]["new"]
    pattern = re.escape(case["fields"]["pattern"]).replace(r"\*", ".*")
    followed = artifact("alphabetical", "asc", tags=pattern)
    matches = compared_text(followed, new) is not None
    updates = matches and order(followed, current, new) is Order.HIGHER
    assert updates is case["want"]


OURS_OF_KEEL_NAMES = {
    # An address with a scheme is no reference; rules say so at their place.
    "https://httphost.sh/foo/bar:1.1": None,
    # We keep "no tag" apart from "latest".
    "localhost.localdomain/foo/bar (no tag)": "",
}


@each_case("keel-image_parse__TestParseRepo.json")
def test_keel_references(case: Case) -> None:
    text, want = case["args"]["remote"], case["want"]
    if OURS_OF_KEEL_NAMES.get(case["name"], "") is None:
        with pytest.raises(ValueError, match="is not"):
            ImageReference.parse(text)
        return
    found = ImageReference.parse(text)
    hub = {"DefaultRegistryHostname": "docker.io"}
    assert found.name.registry == hub.get(want["Registry"], want["Registry"])
    assert found.name.path == want["ShortName"]
    assert (found.tag or "") == OURS_OF_KEEL_NAMES.get(case["name"], want["Tag"])


@pytest.mark.parametrize(
    ("file", "ours"),
    [
        ("TestNumerical_Latest.json", OURS_OF_FLUX_NUMBERS),
        ("TestRegexFilter.json", OURS_OF_FLUX_PATTERNS),
        ("keel-semver__Test_shouldUpdate.json", OURS_OF_KEEL_SEMVER),
        ("keel-force__TestForcePolicyShouldUpdate.json", OURS_OF_KEEL_FORCE),
        ("keel-image_parse__TestParseRepo.json", OURS_OF_KEEL_NAMES),
    ],
)
def test_every_difference_is_about_a_case_that_there_is(
    file: str, ours: Mapping[str, object]
) -> None:
    assert set(ours) <= {case.get("label", case.get("name")) for case in read(file)}


def test_every_policy_is_held_against_somebody_elses_or_has_nobody_to_compare_with() -> None:
    compared = {"semver", "numeric", "alphabetical", "tag"}
    nobody_else_has = {"calver", "newest"}
    assert set(POLICIES) == compared | nobody_else_has

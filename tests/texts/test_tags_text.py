"""The table of tags: what is chosen first, then each reason with its newest tags."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from promoter.decisions.examination import Examination
from promoter.decisions.policies.policy import Choice, Followed
from promoter.model.facts import Unknown
from promoter.model.image import ImageName, ImageReference
from promoter.model.plan import PassedOver
from promoter.model.rule import ArtifactRule, Select
from promoter.texts.paint import Paint
from promoter.texts.tags_text import Finding, tag_text, tags_json, tags_text

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
WEB = ImageName.parse("ghcr.io/shop/web")
DIGEST = f"sha256:{'ab' * 32}"
PLAIN = Paint()
RULE = ArtifactRule("ghcr.io/shop/web", Select("semver", ">=1.0"))


def finding(found: Examination | Unknown, artifact: ArtifactRule = RULE) -> Finding:
    return Finding(Followed(artifact, WEB, None, NOW), found)


def examination(
    reasons: dict[str, str], tag: str | None = "1.4.0", refusal: str = ""
) -> Examination:
    image = ImageReference(WEB, tag, DIGEST) if tag else None
    passed_over = tuple(PassedOver(each, why) for each, why in reasons.items())
    listed = (*reasons, *([tag] if tag else []))
    return Examination(Choice(image, passed_over, refusal=refusal), listed=listed)


def table(found: Examination, most: int | None) -> list[str]:
    """The lines below the chosen tag."""
    text = tags_text(finding(found), found, most, PLAIN)
    return [line.strip() for line in text.partition("passed over\n")[2].splitlines()]


def test_rare_reasons_come_first_and_newer_tags_before_older_ones() -> None:
    reasons = {f"1.{n}.0": "is lower than 1.4.0" for n in (0, 1, 10, 2)}
    reasons |= {f"build-{n}": "is not a semantic version" for n in (1, 10, 9)}
    reasons["1.5.0-rc.1"] = "is a prerelease"
    assert table(examination(reasons), None) == [
        "1.5.0-rc.1  is a prerelease",
        "build-10    is not a semantic version",
        "build-9     is not a semantic version",
        "build-1     is not a semantic version",
        "1.10.0      is lower than 1.4.0",
        "1.2.0       is lower than 1.4.0",
        "1.1.0       is lower than 1.4.0",
        "1.0.0       is lower than 1.4.0",
    ]


def test_a_long_list_is_cut_with_the_count_of_each_reason() -> None:
    reasons = {f"sha-{n}": "does not match tags 'v.*'" for n in range(9650)}
    reasons |= {f"1.3.{n}": "is lower than 1.4.0" for n in range(50)}
    reasons |= {"2.0.0-rc.1": "is a prerelease", "2.0.0-rc.2": "is a prerelease"}
    lines = table(examination(reasons), 20)
    assert lines[:4] == [
        "2.0.0-rc.2  is a prerelease",
        "2.0.0-rc.1  is a prerelease",
        "1.3.49      is lower than 1.4.0",
        "1.3.48      is lower than 1.4.0",
    ]
    assert lines[11] == "sha-9649    does not match tags 'v.*'"
    assert lines[20:] == [
        "... and 9,682 more; --all shows them",
        "9,641  does not match tags 'v.*'",
        "41  is lower than 1.4.0",
    ]
    assert len(table(examination(reasons), None)) == 9702


def test_reasons_that_differ_by_a_moment_only_are_one() -> None:
    reasons = {f"b{n}": f"was created 2026-01-{n:02} 09:00:00Z, before b99" for n in range(10, 30)}
    assert table(examination(reasons, "b99"), 2) == [
        "b29  was created 2026-01-29 09:00:00Z, before b99",
        "b28  was created 2026-01-28 09:00:00Z, before b99",
        "... and 18 more (each was created ..., before b99); --all shows them",
    ]


@pytest.mark.parametrize("most", [0, 1, 3, 5, 8, 20, 1000])
def test_nothing_is_lost_however_short_the_table_is(most: int) -> None:
    reasons = {f"1.0.{n}": f"reason {chr(97 + n % 8)}" for n in range(40)}
    lines = table(examination(reasons), most)
    shown = [line for line in lines if line.startswith("1.0.")]
    assert len(shown) == min(most, 40)
    hidden = [line for line in lines if line.startswith("... and ")]
    assert [int(each.split()[2]) for each in hidden] == ([40 - most] if most < 40 else [])


def test_what_is_waited_for_is_said_in_place_of_the_chosen_tag() -> None:
    reasons = {"1.3.0": "is too young: created 3h ago", "1.4.0": "is too young: created 1h ago"}
    found = examination(reasons, None, refusal="1.4.0 is too young: created 1h ago")
    text = tags_text(finding(found), found, None, PLAIN)
    assert "  chosen  nothing yet: 1.4.0 is too young: created 1h ago\n" in text
    assert tag_text(finding(found), found, "1.3.0", PLAIN).startswith(
        "ghcr.io/shop/web:1.3.0 is too young: created 3h ago\n"
    )
    (value,) = tags_json([finding(found)], None)["selections"]
    assert (value["chosen"], value["refusal"]) == (None, "1.4.0 is too young: created 1h ago")


def test_where_no_tag_fits_nothing_is_waited_for() -> None:
    found = examination({"1.3.0": "is outside >=2"}, None)
    assert "  chosen  nothing: no tag fits\n" in tags_text(finding(found), found, None, PLAIN)
    (value,) = tags_json([finding(found)], None)["selections"]
    assert (value["chosen"], value["refusal"]) == (None, None)


def test_filters_and_what_the_image_says_of_itself() -> None:
    artifact = ArtifactRule(
        "ghcr.io/shop/web",
        Select("semver", "*"),
        tags="v.*",
        ignore=("x", "y*"),
        prereleases=True,
        platforms=("linux/arm64",),
        minimum_age=timedelta(days=3),
    )
    found = Examination(
        Choice(ImageReference(WEB, "v1", DIGEST)),
        NOW - timedelta(days=4),
        ("linux/arm64",),
        ("v1",),
    )
    assert tags_text(finding(found, artifact), found, None, PLAIN) == (
        "ghcr.io/shop/web by semver: *\n"
        "  filters    tags 'v.*'; ignore 'x', 'y*'; prereleases; platforms linux/arm64;"
        " minimum age 3d\n"
        "  chosen     v1\n"
        f"  digest     {DIGEST}\n"
        "  created    2026-02-26T12:00:00Z (4d ago)\n"
        "  platforms  linux/arm64\n"
    )


def test_what_is_not_known_is_told_as_unknown() -> None:
    unknown = Unknown("ghcr.io: 429", retry_at=NOW + timedelta(minutes=1))
    (value,) = tags_json([finding(unknown)], None)["selections"]
    assert value["chosen"] is None
    assert value["unknown"] == {
        "why": "ghcr.io: 429",
        "kind": "transient",
        "retry_at": "2026-03-02T12:01:00Z",
    }


def test_outside_text_never_drives_a_terminal() -> None:
    found = examination({"1.0.0": "is \x1b[31mred\nand two lines"})
    assert "\x1b" not in tags_text(finding(found), found, None, PLAIN)
    assert table(found, None) == ["1.0.0  is \\x1b[31mred\\x0aand two lines"]

"""What a policy chooses of an image's tags and why not the others, as a table and as JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from promoter.decisions.examination import Examination
from promoter.decisions.policies.policy import Followed
from promoter.model.facts import Unknown
from promoter.model.plan import PassedOver
from promoter.model.rule import ArtifactRule
from promoter.model.spell import spell_duration, spell_time
from promoter.texts.as_json import Json
from promoter.texts.columns import align
from promoter.texts.paint import Paint, printable

_LONGEST_TAG = 40  # a column as wide as the longest of 10,000 tags helps nobody
_MOST_REASONS = 6
# What makes two reasons of one kind differ: `was created 2026-11-03 09:30:00Z, before 1.4.2`.
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?Z?|\b\d+[dhms](?: \d+[dhms])*\b|sha256:[0-9a-f]+"
)


@dataclass(frozen=True)
class Finding:
    """What a policy makes of an image's tags, or why that is not known.

    `source` is the rule file that follows it, empty for flags alone; `application` what
    `{application}` of the rule stands for.
    """

    followed: Followed
    found: Examination | Unknown
    source: str = ""
    application: str = ""

    @property
    def unknown(self) -> Unknown | None:
        """Why the choice is not known; the tags may be known all the same."""
        return self.found if isinstance(self.found, Unknown) else self.found.unknown


def tags_text(finding: Finding, found: Examination, most: int | None, paint: Paint) -> str:
    """The chosen tag, then those passed over: the rarest reasons first, newest first in each.

    `most` lines of them, shared fairly between the reasons, and a count of the rest; None: all.
    """
    rows = [*_origin(finding), *_chosen(finding, found)]
    lines = [paint(_title(finding), "bold"), *map(printable, align(rows, indent=2))]
    passed_over = found.passed_over
    if not passed_over:
        return "\n".join(lines) + "\n"
    blocks = _blocks(passed_over)
    shown = _share([len(block) for block in blocks], most)
    table = [_row(e) for block, n in zip(blocks, shown, strict=True) for e in block[:n]]
    count = len(passed_over)
    lines += ["", f"  {count:,} {'tag' if count == 1 else 'tags'} passed over"]
    lines += [printable(line) for line in align(table, indent=4)]
    hidden = [each for block, n in zip(blocks, shown, strict=True) for each in block[n:]]
    lines += _rest(hidden)
    return "\n".join(lines) + "\n"


def tag_text(finding: Finding, found: Examination, tag: str, paint: Paint) -> str:
    """Why one tag is chosen or not, and what is chosen instead."""
    reason = found.reason(tag)
    style = "green" if reason.chosen else "yellow"
    line = f"{finding.followed.name}:{tag} {paint(printable(reason.why), style)}"
    rows = [("policy", policy_text(finding.followed.artifact)), *_origin(finding)]
    if not reason.chosen:
        rows += _chosen(finding, found)[:1]
    return "\n".join([line, *map(printable, align(rows, indent=2))]) + "\n"


def tags_json(findings: Sequence[Finding], tag: str | None) -> Json:
    """Every tag of every finding; with `tag` that one only."""
    return {"selections": [_finding_json(each, tag) for each in findings]}


def policy_text(artifact: ArtifactRule) -> str:
    return f"{artifact.select.policy}: {artifact.select.argument}"


def _finding_json(finding: Finding, tag: str | None) -> Json:
    artifact, found = finding.followed.artifact, finding.found
    value: Json = {
        "image": str(finding.followed.name),
        "rule": finding.source or None,
        "application": finding.application or None,
        "policy": {
            "name": artifact.select.policy,
            "argument": artifact.select.argument,
            "tags": artifact.tags,
            "ignore": list(artifact.ignore),
            "prereleases": artifact.prereleases,
            "platforms": list(artifact.platforms),
            "minimum_age": spell_duration(artifact.minimum_age) if artifact.minimum_age else None,
        },
    }
    value |= {"chosen": None, "refusal": None, "hint": None}
    value |= {"unknown": _unknown_json(finding.unknown), "passed_over": [], "tag": None}
    if isinstance(found, Unknown):
        return value
    image = found.choice.image
    chosen = image and {
        "tag": image.tag,
        "digest": image.digest,
        "created": spell_time(found.created) if found.created else None,
        "platforms": list(found.platforms),
    }
    value |= {"chosen": chosen, "refusal": found.choice.refusal or None, "hint": found.hint or None}
    if tag is not None:
        reason = found.reason(tag)
        return {**value, "tag": {"tag": tag, "chosen": reason.chosen, "why": reason.why}}
    passed_over = [{"tag": each.what, "why": each.why} for each in found.passed_over]
    return {**value, "passed_over": passed_over}


def _unknown_json(unknown: Unknown | None) -> Json | None:
    if unknown is None:
        return None
    retry_at = spell_time(unknown.retry_at) if unknown.retry_at else None
    return {"why": unknown.why, "kind": unknown.kind, "retry_at": retry_at}


def _title(finding: Finding) -> str:
    return f"{finding.followed.name} by {policy_text(finding.followed.artifact)}"


def _origin(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.source:
        application = f" (application {finding.application})" if finding.application else ""
        yield "rule", f"{finding.source}{application}"
    artifact = finding.followed.artifact
    filters: list[str] = []
    if artifact.tags:
        filters.append(f"tags '{artifact.tags}'")
    if artifact.ignore:
        filters.append(f"ignore {', '.join(repr(each) for each in artifact.ignore)}")
    if artifact.prereleases:
        filters.append("prereleases")
    if artifact.platforms:
        filters.append(f"platforms {', '.join(artifact.platforms)}")
    if artifact.minimum_age:
        filters.append(f"minimum age {spell_duration(artifact.minimum_age)}")
    if filters:
        yield "filters", "; ".join(filters)


def _chosen(finding: Finding, found: Examination) -> list[tuple[str, str]]:
    image, refusal = found.choice.image, found.choice.refusal
    if found.unknown:
        return [("chosen", "not known")]
    if image is None:
        nothing = f"nothing: {found.hint or 'no tag fits'}"
        return [("chosen", f"nothing yet: {refusal}" if refusal else nothing)]
    rows = [("chosen", image.version), ("digest", image.digest or "not known")]
    if found.created:
        age = spell_duration(finding.followed.now - found.created)
        rows.append(("created", f"{spell_time(found.created)} ({age} ago)"))
    if found.platforms:
        rows.append(("platforms", ", ".join(found.platforms)))
    return rows


def _kind(each: PassedOver) -> str:
    """The reason without what differs from tag to tag."""
    return _MOMENT.sub("...", each.why)


def _blocks(passed_over: Sequence[PassedOver]) -> list[list[PassedOver]]:
    """By reason, the rarest first: what 9,000 tags share is rarely what somebody looks for."""
    blocks: dict[str, list[PassedOver]] = {}
    for each in passed_over:
        blocks.setdefault(_kind(each), []).append(each)
    return sorted(blocks.values(), key=len)


def _share(sizes: Sequence[int], most: int | None) -> list[int]:
    """How many lines each block gets of `most`; what small ones leave goes to those after."""
    shares: list[int] = []
    left = sum(sizes) if most is None else most
    for index, size in enumerate(sizes):
        fair = left if most is None else left // (len(sizes) - index)
        shares.append(min(size, fair))
        left -= shares[-1]
    return shares


def _row(each: PassedOver) -> tuple[str, str]:
    tag = each.what
    return (tag if len(tag) <= _LONGEST_TAG else f"{tag[:_LONGEST_TAG]}…", each.why)


def _rest(hidden: Sequence[PassedOver]) -> list[str]:
    """`... and 9,700 more`, and the count of each reason, the most frequent first."""
    if not hidden:
        return []
    counts = Counter(map(_kind, hidden)).most_common()
    more = f"    ... and {len(hidden):,} more"
    if len(counts) == 1:
        return [printable(f"{more} (each {counts[0][0]}); --all shows them")]
    rows = [(f"{count:,}", kind) for kind, count in counts[:_MOST_REASONS]]
    others = sum(count for _, count in counts[_MOST_REASONS:])
    if others:
        rows.append((f"{others:,}", "for other reasons"))
    width = max(len(count) for count, _ in rows)
    told = [f"      {count.rjust(width)}  {printable(kind)}" for count, kind in rows]
    return [f"{more}; --all shows them", *told]

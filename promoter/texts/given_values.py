"""What users' templates get to see of a promotion, as `rules.template_values` promises it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promoter.model.image import ImageReference
from promoter.model.plan import Decision, Merge, Propose, SourceChange, Stay
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.spell import spell_duration, spell_time
from promoter.rules.template import Value
from promoter.texts.requested import asked_by
from promoter.texts.together import spell_releases
from promoter.texts.usual_body import source_address


def lasting_values(decision: Decision, action: Propose | Merge, title: str) -> Mapping[str, Value]:
    """What is the same when the request opens and when it is merged."""
    record, request = action.record, decision.merge_request
    base = action.base if isinstance(action, Propose) else request.base if request else ""
    if action.others:
        return _values_together(decision, action.records, action.branch, base, title)
    return {
        "application": record.application,
        "environment": record.environment,
        "origin": record.origin,
        "release": _release(record.release, decision.running),
        "branch": action.branch,
        "base": base,
        "requested_by": record.requested_by or ", ".join(asked_by(decision, record.release)),
        "title": title,
    }


def all_values(decision: Decision, action: Propose, title: str) -> Mapping[str, Value]:
    return {
        **lasting_values(decision, action, title),
        "gates": [
            {"gate": each.gate, "judgement": each.judgement, "why": each.why}
            for each in decision.verdicts
        ],
        "files": [each.path for each in action.changes],
        "sources": [_source(each) for each in decision.sources],
        "stays": [_stay(each) for each in decision.stays],
    }


def _values_together(
    decision: Decision, records: Sequence[Record], branch: str, base: str, title: str
) -> Mapping[str, Value]:
    """Of several targets: what they are called together, and the artifacts of all of them."""
    artifacts = [
        _artifact(image, member.running.get(image.name) if member.running else None)
        for member, record in zip(decision.members, records, strict=True)
        for image in record.release.artifacts
    ]
    askers = dict.fromkeys(each.requested_by for each in records if each.requested_by)
    return {
        "application": decision.target.application,
        "environment": records[0].environment,
        "origin": ", ".join(dict.fromkeys(each.origin for each in records)),
        "release": {"id": "", "label": spell_releases(records), "artifacts": artifacts},
        "branch": branch,
        "base": base,
        "requested_by": ", ".join(askers),
        "title": title,
    }


def _release(release: Release, running: Release | None) -> Value:
    artifacts = [
        _artifact(each, running.get(each.name) if running else None) for each in release.artifacts
    ]
    return {"id": release.id, "label": release.label, "artifacts": artifacts}


def _artifact(image: ImageReference, before: ImageReference | None) -> Value:
    return {
        "name": str(image.name),
        "tag": image.tag or "",
        "digest": image.digest or "",
        "before": before.version if before else "",
    }


def _source(change: SourceChange) -> Value:
    return {
        "name": str(change.name),
        "source": change.source,
        "before": change.before or "",
        "after": change.after,
        "url": source_address(change),
    }


def _stay(stay: Stay) -> Value:
    return {
        "environment": stay.environment,
        "since": spell_time(stay.since),
        "until": spell_time(stay.until) if stay.until else "",
        "ran": spell_duration((stay.until or stay.seen) - stay.since),
    }

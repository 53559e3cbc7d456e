"""What `promoter doctor` found, as a JSON value and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from promoter.model.plan import Advice
from promoter.texts.as_json import Json
from promoter.texts.doctor_text import (
    Diagnosis,
    Examined,
    Symptom,
    counts,
    footing_rows,
)
from promoter.texts.inline import escaped


def doctor_json(diagnosis: Diagnosis) -> Json:
    """`symptoms` holds everything, the worst first; what can't be told of a right or of the
    protection is null."""
    return {
        "symptoms": [_symptom(each) for each in diagnosis.by_level()],
        "repositories": [_examined_json(each) for each in diagnosis.repositories],
    }


def _symptom(symptom: Symptom) -> Json:
    return {
        "level": symptom.level,
        "about": symptom.about,
        "text": symptom.text,
        "trouble": symptom.trouble,
    }


def _examined_json(examined: Examined) -> Json:
    return {
        "repository": examined.repository.url,
        "forge": examined.repository.forge,
        "credential": examined.credential,
        "base": examined.base,
        "advice": advice_json(examined.advice) if examined.advice else None,
    }


def advice_json(advice: Advice) -> Json:
    footing = advice.footing
    return {
        "rights": asdict(footing.rights),
        "protection": asdict(footing.protection),
        "stances": [
            {
                "rule": each.rule,
                "environment": each.environment,
                "standing": each.standing,
                "why": each.why,
            }
            for each in advice.stances
        ],
        "problems": list(advice.problems),
        "warnings": list(advice.warnings),
    }


def doctor_markdown(diagnosis: Diagnosis) -> str:
    return "\n".join(_lines(diagnosis)) + "\n"


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    symptoms = diagnosis.by_level()
    yield f"**{counts(diagnosis)}**"
    if symptoms:
        yield ""
        rows = [(each.level, each.about, each.text) for each in symptoms]
        yield from _table(("", "about", "what"), rows)
    for each in diagnosis.repositories:
        at = f" {each.base}" if each.base else ""
        yield ""
        yield f"### {escaped(each.repository.url + at)}"
        yield ""
        facts = [("forge", each.repository.forge), ("credential", each.credential)]
        advice = each.advice
        if advice:
            facts += footing_rows(advice)
        yield from _table(("", ""), facts)
        if advice and advice.stances:
            yield ""
            stances = [(e.environment, e.rule, e.standing, e.why) for e in advice.stances]
            yield from _table(("environment", "rule", "standing", "why"), stances)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _row(head)
    yield "|" + "---|" * len(head)
    yield from (_row([escaped(cell) for cell in row]) for row in rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"

"""What the doctor found: the worst first, the same in every form."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import groupby

from promoter.model.plan import Advice, Stance
from promoter.model.ports import Footing, Protection, Rights
from promoter.texts.as_json import dump
from promoter.texts.doctor_formats import doctor_json, doctor_markdown
from promoter.texts.doctor_text import Diagnosis, Examined, Symptom, advice_lines, doctor_text
from promoter.texts.paint import Paint
from tests.decisions.rules import MANIFESTS

PLAIN = Paint()
RULE = "rules/shop.yaml"
FOOTING = Footing(
    Rights("shop-bot", True, True, None, True, False, True, True),
    Protection(True, 2, ("build", "promoter"), queue=True),
)
ADVICE = Advice(
    MANIFESTS,
    "main",
    FOOTING,
    (
        Stance(RULE, "dev", "contradictory", "main requires 2 approvals"),
        Stance(RULE, "staging", "advisory", "the bot may bypass | it"),
        Stance(RULE, "production", "enforced", "main requires 2 approvals"),
    ),
    ("shop-bot may not push branches: let it",),
    ("shop-bot may bypass the protection of main",),
)
WELL = replace(ADVICE, stances=ADVICE.stances[1:], problems=(), warnings=())
DIAGNOSIS = Diagnosis(
    (
        Symptom("ok", "git", "2.45.0"),
        Symptom("problem", "registry.example.com", "does not answer", "transient"),
    ),
    (
        Examined(MANIFESTS, "the credentials file promoter.yaml:3", "main", ADVICE),
        Examined(replace(MANIFESTS, url="https://git.example.com/b.git"), "none is known"),
    ),
)


class TestShortForm:
    def test_a_line_for_each_problem_contradiction_and_warning(self) -> None:
        url = MANIFESTS.url
        assert advice_lines(ADVICE) == [
            f"problem: {url}: shop-bot may not push branches: let it",
            f"contradictory: {RULE}: dev: main requires 2 approvals",
            f"warning: {url}: shop-bot may bypass the protection of main",
        ]

    def test_nothing_where_all_is_well(self) -> None:
        assert advice_lines(WELL) == []

    def test_what_the_forge_says_makes_no_line_and_no_colour(self) -> None:
        (line,) = advice_lines(replace(WELL, warnings=("a\nb\x1b[31mc",)))
        assert "\n" not in line
        assert "\x1b" not in line


class TestText:
    def test_the_whole(self) -> None:
        assert doctor_text(DIAGNOSIS, PLAIN).splitlines() == [
            "problem        registry.example.com: does not answer",
            f"problem        {MANIFESTS.url}: shop-bot may not push branches: let it",
            "contradictory  rules/shop.yaml: dev: main requires 2 approvals",
            f"warning        {MANIFESTS.url}: shop-bot may bypass the protection of main",
            "ok             git: 2.45.0",
            "",
            f"{MANIFESTS.url} main",
            "  forge                      local",
            "  credential                 the credentials file promoter.yaml:3",
            "  bot                        shop-bot",
            "  may push branches          yes",
            "  may open merge requests    yes",
            "  may merge                  can't be seen",
            "  sees approvals             yes",
            "  may publish statuses       no",
            "  may bypass the protection  yes",
            "  starts pipelines           yes",
            "  main is protected          yes",
            "  required approvals         2",
            "  required checks            build, promoter",
            "  must be up to date         no",
            "  merge queue or train       yes",
            "",
            "  ENVIRONMENT  RULE             STANDING       WHY",
            "  dev          rules/shop.yaml  contradictory  main requires 2 approvals",
            "  staging      rules/shop.yaml  advisory       the bot may bypass | it",
            "  production   rules/shop.yaml  enforced       main requires 2 approvals",
            "",
            "https://git.example.com/b.git",
            "  forge       local",
            "  credential  none is known",
            "",
            "2 problems, 1 contradiction, 1 warning, 1 environment advisory",
        ]

    def test_colour_changes_nothing_but_the_colour(self) -> None:
        stances = (
            # The words of the table stand in names and sentences, too.
            Stance(RULE, "enforced", "advisory", "advisory advisory"),
            *ADVICE.stances,
        )
        told = Diagnosis((), (Examined(MANIFESTS, "", "main", replace(ADVICE, stances=stances)),))
        painted, plain = doctor_text(told, Paint(enabled=True)), doctor_text(told, PLAIN)
        assert "\x1b[33madvisory\x1b[0m  " in painted
        for code in ("0", "1", "31", "32", "33"):
            painted = painted.replace(f"\x1b[{code}m", "")
        assert painted == plain

    def test_what_can_not_be_seen_is_never_told_as_a_no(self) -> None:
        unseen = Footing(Rights("shop-bot"), Protection())
        text = doctor_text(
            Diagnosis((), (Examined(MANIFESTS, "", "main", replace(WELL, footing=unseen)),)), PLAIN
        )
        assert text.count("can't be seen") == 10

    def test_nothing_to_bypass(self) -> None:
        opened = replace(FOOTING, protection=Protection(False, 0, ()))
        text = doctor_text(
            Diagnosis((), (Examined(MANIFESTS, "", "main", replace(WELL, footing=opened)),)), PLAIN
        )
        assert "may bypass the protection  there is none" in text

    def test_all_is_well(self) -> None:
        assert doctor_text(Diagnosis((Symptom("ok", "git", "2.45.0"),)), PLAIN) == (
            "ok  git: 2.45.0\n\nall is well\n"
        )


class TestJson:
    def test_the_keys(self) -> None:
        told = json.loads(dump(doctor_json(DIAGNOSIS)))
        assert set(told) == {"version", "symptoms", "repositories"}
        assert [each["level"] for each in told["symptoms"]] == [
            *("problem", "problem", "contradictory", "warning", "ok")
        ]
        assert told["symptoms"][0] == {
            "level": "problem",
            "about": "registry.example.com",
            "text": "does not answer",
            "trouble": "transient",
        }
        one, other = told["repositories"]
        assert set(one) == {"repository", "forge", "credential", "base", "advice"}
        assert (other["base"], other["advice"]) == (None, None)
        advice = one["advice"]
        assert set(advice) == {"rights", "protection", "stances", "problems", "warnings"}
        assert advice["rights"] == {
            "bot": "shop-bot",
            "push": True,
            "open": True,
            "merge": None,
            "see_approvals": True,
            "publish": False,
            "bypass": True,
            "starts_pipelines": True,
        }
        assert advice["protection"] == {
            "is_on": True,
            "approvals": 2,
            "checks": ["build", "promoter"],
            "up_to_date": False,
            "queue": True,
            "stale_approvals": None,
            "own_approvals": False,
        }
        assert advice["stances"][1] == {
            "rule": RULE,
            "environment": "staging",
            "standing": "advisory",
            "why": "the bot may bypass | it",
        }


class TestMarkdown:
    def test_tables_that_no_text_breaks(self) -> None:
        lines = doctor_markdown(DIAGNOSIS).splitlines()
        assert lines[0] == "**2 problems, 1 contradiction, 1 warning, 1 environment advisory**"
        assert "| problem | registry.example.com | does not answer |" in lines
        assert "| staging | rules/shop.yaml | advisory | the bot may bypass \\| it |" in lines
        assert f"### {MANIFESTS.url} main" in lines
        tables = [
            list(rows)
            for is_row, rows in groupby(lines, lambda line: line.startswith("|"))
            if is_row
        ]
        assert len(tables) == 4
        for rows in tables:
            assert len({row.replace("\\|", "").count("|") for row in rows}) == 1

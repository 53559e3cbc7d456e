"""JSON: the keys that scripts rely on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from promoter.model.outcome import Effect, Outcome
from promoter.model.plan import Close, Merge, Orphan, Plan, Trouble
from promoter.texts.as_json import action_json, dump, outcome_json, plan_json, requests_json
from tests.decisions.rules import MANIFESTS
from tests.texts.shop import NEW, RECORD, REQUEST, plan, proposed, waiting


def test_a_plan() -> None:
    told = json.loads(dump(plan_json(plan())))
    assert told["version"] == 1
    assert set(told) == {"version", "decisions", "orphans", "troubles"}
    dev, production = told["decisions"]
    assert set(dev) == {
        "rule",
        "repository",
        "application",
        "environment",
        "path",
        "state",
        "why",
        "where",
        "trouble",
        "running",
        "since",
        "offered",
        "origin",
        "gates",
        "passed_over",
        "selections",
        "merge_request",
        "requested",
        "sources",
        "holds",
        "action",
    }
    assert dev["offered"] == {
        "id": NEW.id,
        "label": "1.1.0",
        "artifacts": [
            {"image": "ghcr.io/shop/web", "tag": "1.1.0", "digest": NEW.artifacts[0].digest}
        ],
    }
    assert set(dev["action"]) == {
        *("kind", "branch", "base", "files", "diff", "merge_request", "skips", "reason")
    }
    assert dev["action"]["diff"].startswith("--- a/apps/web/dev/kustomization.yaml\n")
    assert dev["since"] == "2026-02-28T12:00:00Z"
    assert production["gates"] == [
        {
            "gate": "soak: 24h",
            "guards": "open",
            "judgement": "wait",
            "why": "staging has run 1.1.0 for 1h of 1d",
            "evidence": {"upstream": "staging", "ran": "1h"},
            "opens_at": "2026-03-03T11:00:00Z",
            "opened_by": "time",
            "remedy": None,
            "skipped": False,
            "seen_at": None,
        }
    ]
    assert told["troubles"] == [
        {
            "rule": "rules/shop.yaml",
            "kind": "input",
            "why": "qa has no target",
            "where": "rules/shop.yaml:3",
        }
    ]


def test_an_outcome_holds_the_troubles_of_both() -> None:
    effect = Effect("opened", "web", "dev", "1.1.0", "file:///r#7")
    late = Trouble("rules/shop.yaml: web in dev", "403", "input")
    told = outcome_json(Outcome(plan(), (effect,), (late,)))
    assert told["effects"][0] == {
        "deed": "opened",
        "application": "web",
        "environment": "dev",
        "release": "1.1.0",
        "url": "file:///r#7",
        "detail": "",
    }
    assert [each["why"] for each in told["troubles"]] == ["qa has no target", "403"]


def test_every_kind_of_action_and_nothing_else() -> None:
    assert action_json(Merge(8, "b", "c" * 40, RECORD, "d" * 40)) == {
        "kind": "merge",
        "merge_request": 8,
        "head": "c" * 40,
    }
    assert action_json(Close(9, "b", "gone")) == {
        "kind": "close",
        "merge_request": 9,
        "reason": "gone",
    }
    orphan = Orphan(MANIFESTS, "rules/shop.yaml", Close(9, "b", "gone"))
    assert plan_json(Plan((), (orphan,)))["orphans"][0]["action"]["kind"] == "close"
    with pytest.raises(TypeError):
        action_json("merge")  # type: ignore[arg-type]


def test_merge_requests() -> None:
    (told,) = requests_json((REQUEST,))["merge_requests"]
    assert told["number"] == 7
    assert told["closed_by"] is None


def test_text_of_other_scripts_stays_readable_and_nothing_drives_a_terminal() -> None:
    text = dump(plan_json(Plan((replace(waiting(), why="上線 \x9b31m \u202e", trouble="bug"),))))
    assert "上線 \\u009b31m \\u202e" in text
    assert json.loads(text)["decisions"][0]["why"] == "上線 \x9b31m \u202e"


def test_equal_plans_are_equal_text() -> None:
    assert dump(plan_json(plan())) == dump(plan_json(plan()))
    other = Plan((proposed(),))
    assert dump(plan_json(plan())) != dump(plan_json(other))

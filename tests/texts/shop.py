"""One small plan for the golden texts: web waits in production, was proposed for dev."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from promoter.errors import Where
from promoter.model.plan import Decision, PassedOver, Plan, Propose, Selection, State, Trouble
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.target import FileChange, Target
from promoter.model.verdict import Verdict
from tests.decisions.rules import MANIFESTS, name, release

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
OLD, NEW = release("web:1.0.0"), release("web:1.1.0")
PATH = "apps/web/dev/kustomization.yaml"
CHANGE = FileChange(
    PATH,
    b"images:\n  - name: web\n    newTag: 1.0.0 # keep\n",
    b"images:\n  - name: web\n    newTag: 1.1.0 # keep\n",
)
RECORD = Record("shop", "web", "dev", NEW, "registry")
REQUEST = MergeRequest(
    7, "open", "promoter/dev/web", "main", "a" * 40, "Promote web to dev: 1.1.0", "", "file:///r#7"
)
SOAK = Verdict(
    "soak: 24h",
    "open",
    "wait",
    "staging has run 1.1.0 for 1h of 1d",
    (("upstream", "staging"), ("ran", "1h")),
    NOW + timedelta(hours=23),
    "time",
)
APPROVALS = Verdict(
    "approvals: 2", "merge", "wait", "0 of 2", (("head", "abc"),), opened_by="2 more people"
)


def proposed() -> Decision:
    """1.1.0 from the registry, for dev."""
    action = Propose(RECORD, "promoter/dev/web", "main", "b" * 40, (CHANGE,), 0)
    return Decision(
        "rules/shop.yaml",
        MANIFESTS,
        Target("web", "dev", "apps/web/dev"),
        State.PROPOSED,
        "open a merge request for 1.1.0 from registry",
        OLD,
        NOW - timedelta(days=2),
        NEW,
        "registry",
        selections=(
            Selection(
                name("web"), "semver: >=1.0", "1.1.0", (PassedOver("1.0.0", "is lower than 1.1.0"),)
            ),
        ),
        action=action,
    )


def waiting() -> Decision:
    """1.1.0 from staging waits for its soak in production."""
    return replace(
        proposed(),
        target=Target("web", "production", "apps/web/production"),
        state=State.WAITING,
        why="staging has run 1.1.0 for 1h of 1d (soak: 24h)",
        origin="staging",
        verdicts=(SOAK,),
        passed_over=(PassedOver("1.1.0", "staging has run 1.1.0 for 1h of 1d (soak: 24h)"),),
        selections=(),
        action=None,
    )


def plan() -> Plan:
    trouble = Trouble("rules/shop.yaml", "qa has no target", "input", Where("rules/shop.yaml", 3))
    return Plan((proposed(), waiting()), (), (trouble,))

"""`registries: [host/prefix, ...]`: every image of the release comes from one of these."""

from __future__ import annotations

from datetime import datetime

from promoter.decisions.gates.gate import Case
from promoter.model.facts import Facts
from promoter.model.image_prefix import ImagePrefix
from promoter.model.rule import GateRule
from promoter.model.verdict import Door, Verdict


class RegistriesGate:
    def door(self, rule: GateRule) -> Door:  # noqa: ARG002 - always the same
        return "open"

    def judge(
        self,
        rule: GateRule,
        case: Case,
        facts: Facts,  # noqa: ARG002 - names tell all
        now: datetime,  # noqa: ARG002 - a name does not age
    ) -> Verdict:
        allowed = [ImagePrefix.parse(str(value)) for _, value in rule.options]
        names = [each.name for each in case.release.artifacts]
        evidence = tuple(
            (str(name), next((str(each) for each in allowed if each.covers(name)), "not allowed"))
            for name in names
        )
        strangers = [name for name in names if not any(each.covers(name) for each in allowed)]
        if not strangers:
            why = "every image comes from an allowed registry"
            return Verdict(rule.text, "open", "pass", why, evidence)
        verb = "comes" if len(strangers) == 1 else "come"
        why = f"{', '.join(map(str, strangers))} {verb} from no allowed registry"
        opened_by = "a change of the rule file"
        return Verdict(rule.text, "open", "block", why, evidence, opened_by=opened_by)

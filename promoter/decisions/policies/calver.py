"""`calver: FORMAT`: the latest calendar version."""

from __future__ import annotations

from promoter.decisions.policies.by_version import Rank
from promoter.decisions.policies.dotted_numbers import order_by_numbers
from promoter.decisions.policies.policy import Order
from promoter.model.calendar import CalendarVersion, parse_format
from promoter.model.rule import ArtifactRule


class CalverScheme:
    reads_any_text = False

    def read(self, artifact: ArtifactRule, text: str) -> Rank:
        return Rank(parse_format(artifact.select.argument).read(text))

    def refuse(self, artifact: ArtifactRule, version: CalendarVersion) -> str:
        return "is a prerelease" if version.modifier and not artifact.prereleases else ""

    def behind(self, artifact: ArtifactRule) -> str:  # noqa: ARG002 - no rule differs
        return "is lower than"

    def order_unread(self, running: str, offered: str) -> Order:
        return order_by_numbers(running, offered)

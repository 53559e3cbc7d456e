"""`numeric: asc` and `desc`: the highest number, or the lowest."""

from __future__ import annotations

import re

from promoter.decisions.policies.by_version import Rank
from promoter.decisions.policies.policy import Order
from promoter.model.rule import ArtifactRule

_NUMBER = re.compile(r"(?P<sign>-?)(?P<whole>[0-9]+)(?:\.(?P<decimals>[0-9]+))?")
_MOST_DIGITS = 128  # a tag has no more characters


class NumericScheme:
    reads_any_text = False

    def read(self, artifact: ArtifactRule, text: str) -> Rank:
        match = _NUMBER.fullmatch(text)
        if match is None or len(text) > _MOST_DIGITS:
            raise ValueError("is not a number")
        # Whole numbers of a fixed tiny unit: exact at any length, and fast to compare.
        decimals = (match["decimals"] or "").ljust(_MOST_DIGITS, "0")
        value = int(match["whole"] + decimals) * (-1 if match["sign"] else 1)
        return Rank(value if artifact.select.argument == "asc" else -value)

    def refuse(self, artifact: ArtifactRule, version: int) -> str:  # noqa: ARG002 - all may be
        return ""

    def behind(self, artifact: ArtifactRule) -> str:
        return "is lower than" if artifact.select.argument == "asc" else "is higher than"

    def order_unread(self, running: str, offered: str) -> Order:  # noqa: ARG002 - nothing tells
        return Order.UNORDERED

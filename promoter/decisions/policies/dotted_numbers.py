"""How texts that are no versions still compare: by the first dotted numbers in them."""

from __future__ import annotations

import re

from promoter.decisions.policies.policy import Order

_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+)+")


def order_by_numbers(running: str, offered: str) -> Order:
    """`1.43.3.10896` is no semantic version, and yet not lower than 1.0.0. A text without any
    dotted numbers (`latest`, a commit) tells nothing."""
    here, there = _DOTTED.search(running), _DOTTED.search(offered)
    if here is None or there is None:
        return Order.UNORDERED
    before, after = ([int(part) for part in each[0].split(".")] for each in (here, there))
    if after == before[: len(after)] or before == after[: len(before)]:
        return Order.SAME
    return Order.HIGHER if after > before else Order.LOWER

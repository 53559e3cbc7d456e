"""Writes the table of docs/metrics.md from the list of metrics. `python -m docs.make_metrics`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from promoter.telemetry.metrics import METRICS

PAGE = Path(__file__).parent / "metrics.md"
_BEGIN, _END = "<!-- metrics -->\n", "<!-- end -->\n"


def page_of(page: str) -> str:
    """The page with its table as the list says."""
    head, begin, rest = page.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    assert begin, f"{_BEGIN!r} stands nowhere"
    assert end, f"{_END!r} stands nowhere"
    table = "\n".join(_table())
    return f"{head}{begin}{table}\n{end}{tail}"


def _table() -> Iterator[str]:
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for each in METRICS.values():
        labels = ", ".join(f"`{label}`" for label in each.labels) or "-"
        yield f"| `{each.name}` | {each.kind} | {labels} | {each.help} |"


if __name__ == "__main__":
    PAGE.write_text(page_of(PAGE.read_text("utf-8")), "utf-8")

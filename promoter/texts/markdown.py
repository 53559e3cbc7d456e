"""The plan as Markdown, for a comment or a job summary."""

from __future__ import annotations

from collections.abc import Iterator

from promoter.model.plan import Plan, Propose
from promoter.texts.change import gate_line
from promoter.texts.diff import diff_lines


def plan_markdown(plan: Plan) -> str:
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    yield "| application | environment | state | running | offered | why |"
    yield "|---|---|---|---|---|---|"
    for each in plan.decisions:
        cells = (
            each.target.application,
            each.target.environment,
            each.state.value,
            each.running.label if each.running else "-",
            each.offered.label if each.offered else "-",
            each.why,
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    for each in plan.decisions:
        if each.verdicts:
            yield ""
            yield f"**{each.target}**"
            yield ""
            yield from (gate_line(verdict) for verdict in each.verdicts)
        if isinstance(each.action, Propose):
            yield ""
            yield f"<details><summary>{each.target}: {each.why}</summary>"
            yield ""
            diff = list(diff_lines(each.action.changes))
            fence = "`" * max(3, 1 + max(_longest_run(line) for line in diff))
            yield f"{fence}diff"
            yield from diff
            yield fence
            yield ""
            yield "</details>"
    for trouble in plan.troubles:
        yield ""
        yield f"> error: {trouble}"


def _longest_run(line: str) -> int:
    """The longest run of backticks: a fence must be longer than any in the text it holds."""
    longest = current = 0
    for character in line:
        current = current + 1 if character == "`" else 0
        longest = max(longest, current)
    return longest

"""The plan as Markdown, for a comment or a job summary."""

from __future__ import annotations

from collections.abc import Iterator

from promoter.model.plan import Plan, Propose
from promoter.texts.diff import diff_lines
from promoter.texts.inline import escaped, html_text, longest_run
from promoter.texts.usual_body import gate_line


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
        yield "| " + " | ".join(escaped(cell) for cell in cells) + " |"
    for each in plan.acting:
        if each.verdicts and not each.members:  # those of a group stand with its targets
            yield ""
            yield f"**{escaped(str(each.target))}**"
            yield ""
            yield from (gate_line(verdict) for verdict in each.verdicts)
        if isinstance(each.action, Propose):
            yield ""
            headline = html_text(f"{each.target}: {each.why}")
            yield f"<details><summary>{headline}</summary>"
            yield ""
            diff = list(diff_lines(each.action.changes))
            fence = "`" * max(3, 1 + max((longest_run(line) for line in diff), default=0))
            yield f"{fence}diff"
            yield from diff
            yield fence
            yield ""
            yield "</details>"
    for orphan in plan.orphans:
        yield ""
        yield f"Close merge request {orphan.action.number}: {escaped(orphan.action.reason)}"
    for trouble in plan.troubles:
        yield ""
        yield f"> error: {escaped(str(trouble))}"

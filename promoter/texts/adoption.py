"""An adoption in words: its commit or merge request, and what the command says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promoter.model.baseline import baseline_file
from promoter.model.delivery import Delivered
from promoter.model.plan import Decision
from promoter.model.release import Release
from promoter.model.rule import RepositoryAddress
from promoter.model.target import Target
from promoter.texts.as_json import Json, release_json, request_json
from promoter.texts.columns import align
from promoter.texts.inline import code, escaped_line
from promoter.texts.paint import Paint, printable

BRANCH = "promoter-adopt/baseline"
TITLE = "Adopt what runs as the baseline of promotions"
_MOST = 100
_MEANING = (
    "What is offered to these targets now is not proposed, nor anything older. Newer releases are,"
    " once this is merged."
)


@dataclass(frozen=True)
class Adopted:
    """A target, what runs there, and what is offered and not to be proposed."""

    target: Target
    running: Release | None
    newest: Release

    @classmethod
    def of(cls, decision: Decision, newest: Release) -> Adopted:
        return cls(decision.target, decision.running, newest)


@dataclass(frozen=True)
class Adoption:
    """Of one repository. `delivered` None: nothing was written."""

    repository: RepositoryAddress
    base: str
    targets: tuple[Adopted, ...]
    delivered: Delivered | None = None


def adoption_message(by: str, targets: Sequence[Adopted]) -> str:
    lines = [
        TITLE,
        "",
        f"{len(targets)} targets stay as they are until something newer is offered.",
    ]
    return "\n".join([*lines, f"Asked for by {printable(by)}.", ""])


def adoption_body(targets: Sequence[Adopted]) -> str:
    """Markdown."""
    lines = [
        _MEANING,
        "",
        "| target | runs | baseline |",
        "|---|---|---|",
    ]
    lines += [
        f"| {escaped_line(str(e.target))} | {_label(e.running)} | {_label(e.newest)} |"
        for e in targets[:_MOST]
    ]
    rest = len(targets) - _MOST
    return "\n".join([*lines, *([f"\nand {rest} more"] if rest > 0 else [])]) + "\n"


def _label(release: Release | None) -> str:
    return code(release.label) if release else "-"


def adoption_text(adoption: Adoption, paint: Paint) -> str:
    lines = [paint(printable(_deed(adoption)), "bold")]
    rows = [
        (
            str(each.target),
            f"runs {each.running.label if each.running else '?'}",
            f"baseline {each.newest.label}",
        )
        for each in adoption.targets
    ]
    lines += [printable(line) for line in align(rows, indent=2)]
    return "\n".join(lines) + "\n"


def _deed(adoption: Adoption) -> str:
    count = len(adoption.targets)
    what = "1 target" if count == 1 else f"{count} targets"
    delivered, place = adoption.delivered, f"{adoption.base} of {adoption.repository.url}"
    if not count:
        return f"nothing to adopt on {place}: nothing is offered that does not run or is proposed"
    if delivered is None:
        return f"would adopt {what} on {place}"
    if delivered.request is not None:
        return f"merge request {delivered.request.url} adopts {what} once it is merged"
    if not delivered.changed:
        return f"adopted already: {what} on {place}"
    return f"COMMITTED straight to {place}: {delivered.commit[:12]}, {what} adopted"


def adoption_json(adoption: Adoption) -> Json:
    delivered = adoption.delivered
    request = delivered.request if delivered else None
    return {
        "repository": adoption.repository.url,
        "branch": adoption.base,
        "commit": delivered.commit if delivered else None,
        "merge_request": request_json(request) if request else None,
        "targets": [
            {
                "application": each.target.application,
                "environment": each.target.environment,
                "file": baseline_file(each.target.environment),
                "running": release_json(each.running),
                "baseline": release_json(each.newest),
            }
            for each in adoption.targets
        ],
    }

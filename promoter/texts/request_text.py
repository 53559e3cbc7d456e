"""Merge requests of the local forge for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from promoter.model.ports import Check, MergeRequest
from promoter.model.target import FileChange
from promoter.texts.columns import align
from promoter.texts.diff import painted_diff
from promoter.texts.paint import Paint, printable

_STYLES = {"success": "green", "pending": "yellow", "failure": "red"}


def requests_text(requests: Sequence[MergeRequest], paint: Paint) -> str:
    if not requests:
        return "no open merge requests"
    rows = [
        (f"!{each.number}", _state(each), each.title, _branch_and_labels(each)) for each in requests
    ]
    lines = align([("", "STATE", "TITLE", "BRANCH"), *rows])
    return "\n".join([paint(lines[0], "bold"), *(printable(line) for line in lines[1:])])


def request_text(
    request: MergeRequest,
    approvers: Sequence[str],
    needed: int,
    events: Iterable[str],
    diff: Iterable[FileChange],
    paint: Paint,
    *,
    reviewers: Sequence[str] = (),
    assignees: Sequence[str] = (),
    checks: Sequence[Check] = (),
    comments: Iterable[tuple[str, str]] = (),
) -> str:
    """Head, body without the bot's record, approvals, what happened, what was said (who and
    when, and the text), and the diff."""
    body = _visible(request.body)
    count = f"{len(approvers)} of {needed}" if needed else f"{len(approvers)}"
    approved = count + (f" ({', '.join(approvers)})" if approvers else "")
    stands = f"{request.branch} at {request.head[:12]} into {request.base}"
    lines = [
        paint(printable(f"!{request.number} {request.title}"), "bold"),
        printable(f"{_state(request)}, {stands}"),
        printable(f"approvals: {approved}"),
        *_named("labels", request.labels),
        *_named("reviewers", reviewers),
        *_named("assignees", assignees),
        *_checks(checks, paint),
        "",
        *(printable(line) for line in body.splitlines()),
        "",
        *(printable(line) for line in events),
        "",
        *_said(comments),
        *painted_diff(diff, paint),
    ]
    return "\n".join(lines).rstrip()


def _state(request: MergeRequest) -> str:
    return "draft" if request.draft and request.state == "open" else request.state


def _branch_and_labels(request: MergeRequest) -> str:
    return request.branch + (f"  [{', '.join(request.labels)}]" if request.labels else "")


def _named(what: str, names: Sequence[str]) -> list[str]:
    return [printable(f"{what}: {', '.join(names)}")] if names else []


def _checks(checks: Sequence[Check], paint: Paint) -> Iterator[str]:
    if not checks:
        return
    yield "checks:"
    rows = [
        (
            printable(each.name),
            each.state,
            printable("  ".join(filter(None, (each.text, each.url)))),
        )
        for each in checks
    ]
    for check, line in zip(checks, align(rows, indent=2), strict=True):
        yield paint(line, _STYLES[check.state])


def _said(comments: Iterable[tuple[str, str]]) -> Iterator[str]:
    for who, text in comments:
        yield printable(who)
        yield from (f"  {printable(line)}".rstrip() for line in _visible(text).splitlines())
        yield ""


def _visible(text: str) -> str:
    """Without the marks by which the bot knows what it said."""
    parts: list[str] = []
    at = 0
    while (begins := text.find("<!--", at)) >= 0 and (ends := text.find("-->", begins)) >= 0:
        parts.append(text[at:begins])
        at = ends + len("-->")
    return "".join([*parts, text[at:]]).strip()

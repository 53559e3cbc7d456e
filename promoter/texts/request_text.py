"""Merge requests of the local forge for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from promoter.model.ports import MergeRequest
from promoter.model.target import FileChange
from promoter.texts.columns import align
from promoter.texts.diff import painted_diff
from promoter.texts.paint import Paint, printable


def requests_text(requests: Sequence[MergeRequest], paint: Paint) -> str:
    if not requests:
        return "no open merge requests"
    rows = [(f"!{each.number}", each.state, each.title, each.branch) for each in requests]
    lines = align([("", "STATE", "TITLE", "BRANCH"), *rows])
    return "\n".join([paint(lines[0], "bold"), *(printable(line) for line in lines[1:])])


def request_text(
    request: MergeRequest,
    approvers: Sequence[str],
    needed: int,
    events: Iterable[str],
    diff: Iterable[FileChange],
    paint: Paint,
) -> str:
    """Head, body without the bot's record, approvals, what happened, and the diff."""
    body = request.body.partition("<!--")[0].rstrip()
    count = f"{len(approvers)} of {needed}" if needed else f"{len(approvers)}"
    approved = count + (f" ({', '.join(approvers)})" if approvers else "")
    lines = [
        paint(printable(f"!{request.number} {request.title}"), "bold"),
        printable(f"{request.state}, {request.branch} at {request.head[:12]} into {request.base}"),
        printable(f"approvals: {approved}"),
        "",
        *(printable(line) for line in body.splitlines()),
        "",
        *(printable(line) for line in events),
        "",
        *painted_diff(diff, paint),
    ]
    return "\n".join(lines).rstrip()

"""What the ledger holds of merge requests: how the bot's own ended, which status was published on
them last, what was put into a queue, and when all were listed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import UnionType
from typing import Any

from promoter.decisions.branches import PREFIX, is_group_branch, target_path
from promoter.model.ledger import Listed, Published, Queued, RequestEnd
from promoter.model.ports import CheckState, MergeRequest
from promoter.model.record import Record
from promoter.model.spell import spell_time

REQUESTS = "requests/"
STATUSES = "statuses/"
QUEUE = "queue/"
LISTED = "LISTED"
_OF_OTHERS = f"{STATUSES}OTHERS"  # in capitals, so that it is no environment
_MOST_STATUSES = 500
"""Lines of those that are not the bot's; an older one still open is told the same again."""
_MOST_REQUESTS = 50
"""Ended ones of one target; what so many newer ones followed is not offered again."""
_KINDS: dict[str, type | UnionType] = {
    **dict.fromkeys(("state", "branch", "base", "head", "title", "url"), str),
    **dict.fromkeys(("number", "approvals"), int),
    "closed_by": str | None,
    "closed_by_bot": bool,
}
_TOLD = tuple(_KINDS)
_CHECK_STATES: dict[str, CheckState] = {
    "success": "success",
    "pending": "pending",
    "failure": "failure",
}


def split_by_file(note: RequestEnd) -> list[tuple[str, RequestEnd]]:
    """The note for each target that the request brought something to, with the file of the target;
    none where it is not the bot's."""
    request = note.request
    if not is_group_branch(request.branch):
        record = Record.parse(request.body)
        return [(_requests_file(record), note)] if record else []
    return [
        (_requests_file(record), RequestEnd(replace(request, body="\n".join(record.trailers()))))
        for record in Record.parse_all(request.body)
    ]


def _requests_file(record: Record) -> str:
    return f"{REQUESTS}{target_path(record.environment, record.application)}"


def put_together(requests: Iterable[MergeRequest]) -> tuple[MergeRequest, ...]:
    """Each once: that of a group is read from the files of all its targets."""
    found: dict[int, MergeRequest] = {}
    for each in requests:
        before = found.get(each.number)
        body = f"{before.body}\n{each.body}" if before else each.body
        found[each.number] = replace(each, body=body)
    return tuple(found.values())


def add_requests(data: bytes, ended: Sequence[RequestEnd]) -> bytes:
    known = {each.number: each for each in (*parse_requests(data), *(end.request for end in ended))}
    kept = sorted(known.items())[-_MOST_REQUESTS:]
    content = [
        {
            **{key: getattr(each, key) for key in _TOLD},
            "record": list(record.trailers()) if (record := Record.parse(each.body)) else [],
            "ended_at": spell_time(each.ended_at) if each.ended_at else None,
            **({"merged_by": each.merged_by} if each.merged_by else {}),
        }
        for _, each in kept
    ]
    return f"{json.dumps(content, indent=2)}\n".encode()


def parse_requests(data: bytes) -> list[MergeRequest]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return []
    found = (_parse_request(each) for each in content) if isinstance(content, list) else ()
    return [request for request in found if request is not None]


def _parse_request(content: Any) -> MergeRequest | None:
    try:
        told = {key: content[key] for key in _TOLD}
        body = "\n".join(content["record"])
        ended_at = parse_time(content["ended_at"]) if content["ended_at"] else None
    except (KeyError, TypeError):
        return None
    # Written by somebody else, or cut: as if it were not there.
    if any(not isinstance(told[key], kind) for key, kind in _KINDS.items()):
        return None
    if told["state"] not in ("merged", "closed"):
        return None
    merged_by = content.get("merged_by")  # older entries have none
    return MergeRequest(
        **told,
        body=body,
        ended_at=ended_at,
        kept=True,
        merged_by=merged_by if isinstance(merged_by, str) and merged_by else None,
    )


def published_file(note: Published) -> str:
    return f"{STATUSES}{note.branch.removeprefix(PREFIX)}" if note.branch else _OF_OTHERS


def add_published(path: str, data: bytes, said: Sequence[Published]) -> bytes:
    """Of a branch of the bot's the last one; of all others as many as there is room for."""
    if path != _OF_OTHERS:
        kept = list(said[-1:])
    else:
        known = {each.head: each for each in (*parse_published(path, data), *said)}
        kept = list(known.values())[-_MOST_STATUSES:]
    return "".join(f"{each.head} {each.state} {each.text}\n" for each in kept).encode()


def parse_published(path: str, data: bytes) -> list[Published]:
    branch = "" if path == _OF_OTHERS else f"{PREFIX}{path.removeprefix(STATUSES)}"
    found: list[Published] = []
    for line in data.decode("utf-8", "replace").splitlines():
        head, _, rest = line.partition(" ")
        word, _, text = rest.partition(" ")
        state = _CHECK_STATES.get(word)
        if state is not None:
            found.append(Published(branch, head, state, text))
    return found


def queue_file(note: Queued) -> str:
    return f"{QUEUE}{note.branch.removeprefix(PREFIX)}"


def add_queued(_data: bytes, notes: Sequence[Queued]) -> bytes:
    """The last word."""
    return f"{notes[-1].head} {notes[-1].base}\n".encode()


def parse_queued(path: str, data: bytes) -> list[Queued]:
    words = data.decode("utf-8", "replace").split()
    branch = f"{PREFIX}{path.removeprefix(QUEUE)}"
    return [Queued(branch, *words)] if len(words) == 2 else []


def add_listed(data: bytes, notes: Sequence[Listed]) -> bytes:
    """A line `TIME BASE` for each base."""
    known = parse_listed(data) | {each.base: each.at for each in notes}
    return "".join(f"{spell_time(at)} {base}\n" for base, at in sorted(known.items())).encode()


def parse_listed(data: bytes) -> dict[str, datetime]:
    """Base -> when all of its ended requests were listed."""
    lines = (line.partition(" ") for line in data.decode("utf-8", "replace").splitlines())
    found = {base: parse_time(text) for text, _, base in lines if base}
    return {base: at for base, at in found.items() if at is not None}


def parse_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (ValueError, TypeError):
        return None

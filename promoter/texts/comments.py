"""What the bot says on a merge request: each once, known again by the mark at its end."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from promoter.model.ports import Comment
from promoter.model.release import Release
from promoter.texts.inline import code, escaped

_MOST_REASON = 4_000
_MOST_NEWS = 50


def superseded_comment(old: Release, new: Release, head: str) -> Comment:
    """`head` is what the branch has from now on."""
    text = (
        f"Release `{old.id}` ({escaped(old.label)}) is superseded by `{new.id}`"
        f" ({escaped(new.label)}), at {head[:12]}. Whoever approved before approved the former one."
    )
    return _marked("superseded", (old.id, new.id, head), text)


def news_comment(news: Sequence[str], head: str) -> Comment:
    """What the merge request of a group brings from now on that it did not bring before."""
    lines = [f"- {escaped(each[:_MOST_REASON])}" for each in news[:_MOST_NEWS]]
    if len(news) > _MOST_NEWS:
        lines.append(f"- and {len(news) - _MOST_NEWS} more")
    text = "\n".join(
        [f"At {head[:12]}:", "", *lines, "", "Whoever approved before approved the former one."]
    )
    return _marked("news", (head, *news), text)


def closing_comment(number: int, head: str, reason: str) -> Comment:
    return _marked(
        "closed", (str(number), head, reason), f"Closed: {escaped(reason[:_MOST_REASON])}"
    )


def left_alone_comment(branch: str, head: str) -> Comment:
    """`head` is where a person's push left the branch."""
    text = (
        f"Somebody pushed to {code(branch)}, which is at {head[:12]} now: promoter leaves this"
        " merge request alone from here on, and neither updates nor merges nor closes it. Merge it"
        " or close it; or delete the branch, and promoter proposes what it would propose today."
    )
    return _marked("left-alone", (branch, head), text)


def _marked(name: str, about: tuple[str, ...], text: str) -> Comment:
    digest = hashlib.sha256("\0".join(about).encode()).hexdigest()[:16]
    mark = f"<!-- promoter {name} {digest} -->"
    return Comment(f"{text}\n\n{mark}\n", mark)

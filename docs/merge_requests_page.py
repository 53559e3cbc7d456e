"""What docs/merge-requests.md shows of a merge request: its image, and its texts."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docs.drawing import card, document

_HIDDEN = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_END = "<!-- end -->"
_NAMES = {"github": "GitHub", "gitlab": "GitLab"}


@dataclass(frozen=True)
class Shown:
    """A merge request as its forge shows it: `comments` by login, the status (its name, state and
    line) in the forge's own words."""

    forge: str
    number: str
    title: str
    body: str
    comments: tuple[tuple[str, str], ...]
    approved_by: tuple[str, ...]
    status: tuple[str, str, str]

    @property
    def about(self) -> str:
        approved = ", ".join(self.approved_by) or "nobody"
        return f"{_NAMES[self.forge]} {self.number}, approved by {approved}"


def image_of(shown: Shown) -> str:
    """Its path beside the page."""
    return f"images/{shown.forge}-merge-request.png"


def drawing_of(shown: Shown) -> str:
    """The page that its image is drawn from."""
    name, state, line = map(html.escape, shown.status)
    head = f"<h1>{html.escape(shown.title)} <span>{html.escape(shown.number)}</span></h1>"
    return document(
        [
            head,
            f'<p class="about">{html.escape(shown.about)}</p>',
            card("promoter-bot", shown.body),
            *(card(who, text) for who, text in shown.comments),
            f'<div class="card status"><b>{state}</b> {name}: {line}</div>',
        ]
    )


def page_of(told: Sequence[Shown], page: str) -> str:
    """The page with its made parts made anew; the words around them are its own."""
    for shown in told:
        begin = f"<!-- made of {shown.forge} -->\n"
        before, _, rest = page.partition(begin)
        _, end, after = rest.partition(_END)
        if not end:
            raise ValueError(f"the page lacks '{begin.strip()}' and '{_END}' after it")
        made = "".join(f"{line}\n" for line in _section(shown))
        page = f"{before}{begin}{made}{_END}{after}"
    return page


def _section(shown: Shown) -> Iterator[str]:
    name, state, line = shown.status
    forge = _NAMES[shown.forge]
    drawn = hashlib.sha256(drawing_of(shown).encode()).hexdigest()
    yield f"Title: **{shown.title}**. Status: **{state}** `{name}`, {line}."
    yield ""
    yield f"![The merge request {shown.number} on {forge}]({image_of(shown)})"
    yield f"<!-- drawn from {drawn} -->"
    for who, text in shown.comments:
        yield ""
        yield f"Comment of `{who}`:"
        yield ""
        yield from (f"> {each}" for each in _HIDDEN.sub("", text).strip().splitlines())
    yield ""
    yield "<details><summary>The body, as it is written</summary>"
    yield ""
    yield "````markdown"
    yield shown.body.rstrip("\n")
    yield "````"
    yield ""
    yield "</details>"

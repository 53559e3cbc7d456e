"""What is said of the merge request of a group: names, reasons, and what is new in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promoter.model.ports import MergeRequest
from promoter.model.record import Record

_MOST_NAMED = 5


def name_together(applications: Sequence[str]) -> str:
    """`web`, or `3 applications`."""
    return applications[0] if len(applications) == 1 else f"{len(applications)} applications"


def list_some(texts: Sequence[str]) -> str:
    """The first of them, and how many there are besides."""
    more = len(texts) - _MOST_NAMED
    said = "; " if any(" " in each for each in texts) else ", "
    listed = said.join(texts[:_MOST_NAMED])
    return f"{listed}{said}and {more} more" if more > 0 else listed


def wait_for_next(environment: str, why: str) -> str:
    return f"waits for the next merge request of {environment}: {why}"


def closing_why(environment: str, left: Mapping[str, str]) -> str:
    told = [f"{application}: {why}" for application, why in sorted(left.items())]
    nothing = f"it brings nothing to {environment} any more"
    return f"{nothing}: {list_some(told)}" if told else nothing


def tell_news(
    request: MergeRequest, records: Sequence[Record], left: Mapping[str, str]
) -> tuple[str, ...]:
    """What the request is to bring that its body does not say so far, a sentence each."""
    before = {each.application: each for each in Record.parse_all(request.body)}
    wanted = {each.application: each for each in records}
    news: list[str] = []
    for application, record in wanted.items():
        former, label = before.get(application), record.release.label
        if former is None:
            news.append(f"{application} joins with {label}")
        elif former.release != record.release:
            news.append(f"{application} goes to {label} instead of {former.release.label}")
    for application in before:
        if application not in wanted:
            why = left.get(application)
            news.append(f"{application} leaves: {why}" if why else f"{application} leaves")
    return tuple(news)


def tell_proposal(
    request: MergeRequest | None,
    news: Sequence[str],
    applications: Sequence[str],
    *,
    is_built: bool,
) -> str:
    """What is done about the request, as a sentence."""
    names = name_together(applications)
    if len(applications) > 1:
        names = f"{names}: {list_some(applications)}"
    if request is None:
        return f"open a merge request for {names}"
    if news:
        return f"update {request.url}: {list_some(news)}"
    done = f"build {request.url} again" if is_built else f"complete {request.url}"
    return f"{done} for {names}"

"""Every tag of a repository, over however many pages its registry makes of them.

OCI distribution specification 1.1, "Listing Tags". A list that ends in failure is an error as a
whole: what came before is a prefix, and would pass for a registry whose newest tags are gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from promoter.access.http import Response
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError
from promoter.model.image import is_tag
from promoter.registries.content import parse_object
from promoter.registries.conversation import Conversation, error_codes
from promoter.registries.pages import Walk, next_page

_PAGE_SIZE = 1000  # the most that every registry in use accepts
_PAGE_LIMIT = 16 << 20
_MOST_PAGES = 1000
_MOST_TAGS = 1_000_000
_MOST_CHARACTERS = 32 << 20  # of all tags
_LONGEST_NAME = 1024  # of what stands in a list, tag or not: it goes into the next address
_MOST_IDLE = 20  # pages in a row without a new tag; one may well be empty


def list_tags(
    registry: Conversation, repository: str, clock: Callable[[], float] = time.monotonic
) -> tuple[str, ...]:
    """Every tag, each once, in the order they came; what is no tag is left out. Raises what
    `Registry.tags` does."""
    base = registry.place.url(repository, "tags", "list")
    what = f"{registry.host}: the tag list of '{repository}'"
    walk = Walk(what, _MOST_PAGES, clock)
    url: str | None = f"{base}?n={_PAGE_SIZE}"
    found: dict[str, None] = {}
    size = idle = 0
    knows_size = True
    while url is not None:
        first = not walk.has_begun
        walk.enter(url)
        response = _ask(registry, repository, url, may_refuse=first)
        if response.status == 400:  # some know no `n`, or not so large a one
            url, knows_size = base, False
            continue
        tags = _tags_of(registry, repository, response)
        new = dict.fromkeys(tag for tag in tags if tag not in found and is_tag(tag))
        found |= new
        size += sum(map(len, new))
        idle = 0 if new else idle + 1
        if len(found) > _MOST_TAGS or size > _MOST_CHARACTERS:
            raise InputError(
                redact(
                    f"{registry.host}: '{repository}' has more than {_MOST_TAGS:,} tags, or"
                    f" {_MOST_CHARACTERS:,} characters of them"
                )
            )
        url = next_page(response, "/tags/list", what)
        # A link MAY be sent, the specification says, and a page is shorter than asked only where
        # there is no more or a link; Nexus leaves it out for its groups. So a page of exactly this
        # size is asked to go on. A longer one is the whole list of a registry that knows no
        # `n`; and what knows no `last` either says the same again, which adds nothing.
        full = knows_size and len(tags) == _PAGE_SIZE
        if url is None and full and new:
            url = f"{base}?n={_PAGE_SIZE}&last={quote(tags[-1], safe='')}"
        if url is not None and idle == _MOST_IDLE:
            raise walk.endless()
    return tuple(found)


def check_listed(registry: Conversation, repository: str) -> None:
    """Raises unless the registry lists the tags of the repository, however many."""
    url = f"{registry.place.url(repository, 'tags', 'list')}?n=1"
    _tags_of(registry, repository, _ask(registry, repository, url))


def _ask(
    registry: Conversation, repository: str, url: str, *, may_refuse: bool = False
) -> Response:
    also = (400,) if may_refuse else ()
    return registry.get(
        repository, url, "application/json", _PAGE_LIMIT, also=also, conditional=True
    )


def _tags_of(registry: Conversation, repository: str, response: Response) -> list[str]:
    if response.status == 404:
        if error_codes(response):
            registry.refuse_repository(repository)
        raise InputError(
            redact(
                f"{registry.host} answers 404 to the tag list of '{repository}': there is no such"
                " repository, or no registry at this address"
            )
        )
    content = parse_object(response.body)
    tags = content.get("tags", ()) if content is not None else ()
    if tags is None:  # what Go makes of an empty list
        return []
    if not isinstance(tags, list) or not all(
        isinstance(tag, str) and len(tag) <= _LONGEST_NAME for tag in tags
    ):
        raise TransientError(redact(f"{registry.host}: the tag list of '{repository}' is damaged"))
    return tags

"""A request to the fake GitHub, its answer, and how one finds the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlencode

from tests.services.github.shapes import Shapes
from tests.services.github.state import GitHubError, Pull, Repository, World

MOST_PER_PAGE = 100
LONGEST_BODY = 65_536


@dataclass(frozen=True)
class Answer:
    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """`path` is below the API's root, `login` who asks; `names` what the path holds."""

    world: World
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    login: str
    app: int | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    stale: Mapping[str, Mapping[int, Pull]] = field(default_factory=dict)
    """Pull requests as lists tell them, by repository, where they tell what is past."""

    @cached_property
    def repository(self) -> Repository:
        """The one that the path names; GitHub says 404 of what one may not see."""
        name = f"{self.names['owner']}/{self.names['repo']}"
        found = self.world.repositories.get(name)
        if found is None or found.permissions.get(self.login, "none") == "none":
            raise GitHubError(404, "Not Found")
        return found

    @cached_property
    def shapes(self) -> Shapes:
        return Shapes(self.world, self.repository)

    @property
    def pull(self) -> Pull:
        found = self.repository.pulls.get(int(self.names["number"]))
        if found is None:
            raise GitHubError(404, "Not Found")
        return found

    @property
    def pulls(self) -> Sequence[Pull]:
        held = self.stale.get(self.repository.full_name, self.repository.pulls)
        return list(held.values())

    def need_write(self) -> None:
        if not self.repository.may_write(self.login):
            kind = "integration" if self.login.endswith("[bot]") else "personal access token"
            raise GitHubError(403, f"Resource not accessible by {kind}")

    def text(self, key: str, most: int = LONGEST_BODY) -> str:
        """A field of the body that is text of a bounded length."""
        value = self.body.get(key) or ""
        if len(value) > most:
            raise invalid(key, f"{key} is too long (maximum is {most} characters)")
        return str(value)

    def page(self, items: Sequence[Any], render: Callable[[Any], Any]) -> Answer:
        """One page of a list, and the addresses of its neighbours (RFC 8288)."""
        chosen, links = self._page(items)
        return Answer([render(each) for each in chosen], headers=links)

    def page_within(self, key: str, items: Sequence[Any], render: Callable[[Any], Any]) -> Answer:
        """One page of a list that stands within an object with its length."""
        chosen, links = self._page(items)
        body = {"total_count": len(items), key: [render(each) for each in chosen]}
        return Answer(body, headers=links)

    def _page(self, items: Sequence[Any]) -> tuple[Sequence[Any], dict[str, str]]:
        size = min(max(int(self.query.get("per_page", 30)), 1), MOST_PER_PAGE)
        page = max(int(self.query.get("page", 1)), 1)
        last = max(-(-len(items) // size), 1)
        ways: dict[str, int] = {}
        if page < last:
            ways |= {"next": page + 1, "last": last}
        if page > 1:
            ways |= {"prev": page - 1, "first": 1}
        link = ", ".join(f'<{self._address(to)}>; rel="{name}"' for name, to in ways.items())
        return items[(page - 1) * size : page * size], {"Link": link} if link else {}

    def _address(self, page: int) -> str:
        query = urlencode({**self.query, "page": page})
        return f"{self.world.api}{self.path}?{query}"


def invalid(name: str, message: str, resource: str = "PullRequest") -> GitHubError:
    detail = {"resource": resource, "field": name, "code": "custom", "message": message}
    return GitHubError(422, "Validation Failed", (detail,))


Handler = Callable[[Request], Answer]
Routes = Sequence[tuple[str, str, Handler]]
REPOSITORY = "/repos/{owner}/{repo}"


class Router:
    """`{name}` stands for one part of a path, `{name*}` for any number of them."""

    def __init__(self, *tables: Routes) -> None:
        self._routes = [
            (method, re.compile(_expression(path)), handler)
            for table in tables
            for method, path, handler in table
        ]

    def find(self, method: str, path: str) -> tuple[Handler, Mapping[str, str]]:
        """What serves a path as it was sent, and what the path names. GitHubError 404 where
        there is nothing."""
        for known, expression, handler in self._routes:
            if known == method and (found := expression.fullmatch(path)):
                names = {key: unquote(part) for key, part in found.groupdict().items()}
                return handler, names
        raise GitHubError(404, "Not Found")


def _expression(path: str) -> str:
    escaped = re.escape(path).replace(r"\{", "{").replace(r"\}", "}").replace(r"\*", "*")
    many = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", escaped)
    one = re.sub(r"\{number\}", r"(?P<number>[0-9]+)", many)
    return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", one)

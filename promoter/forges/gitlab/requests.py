"""Merge requests of a GitLab project as GitLab has them, and where their branches really stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gitlab.exceptions import GitlabError
from gitlab.v4.objects import ProjectMergeRequest

from promoter.access.redaction import redact
from promoter.access.trouble import TooLargeError
from promoter.errors import ConflictError, PromoterError, TransientError
from promoter.forges.gitlab.people import People
from promoter.forges.gitlab.server import PAGE, GitLabServer
from promoter.forges.gitlab.values import Json, field, is_own_branch, read_request
from promoter.model.ports import MergeRequest

_SMALLER_PAGES = (PAGE, 10)


class Requests:
    """Reads only; thread-safe."""

    def __init__(self, server: GitLabServer, people: People) -> None:
        self._server = server
        self._people = people

    def _pages_of(self, size: int, filters: Mapping[str, str]) -> list[Json]:
        # By creation, so that what is new or changes meanwhile shifts no page.
        found = self._server.project.mergerequests.list(
            iterator=True, order_by="created_at", sort="asc", per_page=size, **filters
        )
        return [each.attributes for each in found]

    def list(self, **filters: str) -> list[Json]:
        """In smaller pages where one is too large: of what others wrote there may be a megabyte in
        each, and nobody may keep the bot from its own by that."""
        for size in _SMALLER_PAGES:
            try:
                return self._pages_of(size, filters)
            except TooLargeError:
                continue
        return self._pages_of(1, filters)

    def get(self, number: int) -> ProjectMergeRequest:
        with self._server.speaking(f"reading !{number}"):
            return self._server.project.mergerequests.get(number)

    def view(self, data: Json) -> MergeRequest:
        """Who closed one is told where that is somebody's word."""
        if data.get("state") != "closed" or not data.get("closed_by"):
            return read_request(data, None)
        try:
            request = read_request(data, self._people.me())
            if request.closed_by is None or request.closed_by_bot:
                return request
            return replace(request, closed_by=self._people.closer(data))
        except PromoterError as error:
            # One that nobody tells about must not hide all the others. It is asked again.
            untold = replace(read_request(data, None), closed_by=None)
            return replace(untold, unread=redact(str(error)))

    def find_open(self, branch: str, base: str) -> MergeRequest | None:
        """The open one of the branch; of several, the one with the right base."""
        with self._server.speaking(f"looking for a merge request of {branch}"):
            listed = self.list(source_branch=branch, state="opened")
        found = [self.view(each) for each in listed if is_own_branch(each)]
        return max(found, key=lambda each: each.base == base, default=None)

    def tip(self, branch: str) -> str | None:
        """Where a branch stands; None where there is none."""
        with self._server.speaking(f"looking for the branch {branch}"):
            try:
                found = self._server.project.branches.get(branch)
            except GitlabError as error:
                if error.response_code == 404:
                    return None
                raise
        return field(field(found.attributes, "commit", dict), "id", str)

    def check_open(self, data: Json) -> None:
        if data.get("state") not in ("opened", "locked"):
            raise ConflictError(
                f"{self._server.place}: !{data.get('iid')} is {data.get('state')} already"
            )

    def check_head(self, data: Json, head: str) -> None:
        if data.get("sha") == head:
            return
        place, number = self._server.place, data.get("iid")
        stands = self.tip(field(data, "source_branch", str))
        if stands == head:
            raise TransientError(f"{place}: !{number}: GitLab has not taken in {head[:8]} yet")
        at = f"at {stands[:8]}" if stands else "deleted"
        raise ConflictError(f"{place}: the branch of !{number} is {at}, not {head[:8]}")

"""The forge from behind: what its administrators do, and what goes wrong inside."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.service.day.sky import HubFaults, LabFault, Sky
from tests.services.github.faults import Limits
from tests.services.github.state import Protection
from tests.stories.forges import TOKEN, World

End = Callable[[], None]


@dataclass
class Behind:
    """Of a GitHubWorld or a GitLabWorld."""

    world: World
    token: str = TOKEN
    """The one that the bot is known by now."""

    @property
    def _forge(self) -> Any:
        return self._any.hub if self.world.kind == "github" else self._any.gitlab

    @property
    def _any(self) -> Any:
        return self.world

    @property
    def journal(self) -> list[Any]:
        """Grows with each thing that is done there."""
        found: list[Any] = self._forge.world.journal
        return found

    def lie_under(self, sky: Sky) -> None:
        """From now on its requests meet what the sky has in store."""
        if self.world.kind == "github":
            self._forge.faults = HubFaults(self._forge.world, sky=sky)
            self._forge.world.clock = self.world.clock
            self._forge.limits = Limits(self._forge.world)  # of each hour of this clock
        else:
            self._forge.faults.append(LabFault(sky))

    def fail_git(self, status: int | None) -> None:
        """Of the fake GitLab, where reading by git asks for no fault."""
        if self.world.kind == "gitlab":
            self._forge.fail_with(status)

    def freeze_lists(self) -> End:
        if self.world.kind == "github":
            self._forge.faults.freeze_lists()
            end: End = self._forge.faults.thaw_lists
            return end
        stack = contextlib.ExitStack()
        stack.enter_context(self._forge.stale_lists())
        return stack.close

    def protect(self, protection: Protection | None) -> None:
        """The main branch of a repository on GitHub."""
        protections = self._any.shop.state.protections
        if protection:
            protections["main"] = protection
        else:
            protections.pop("main", None)

    def swap_token(self, new: str) -> None:
        tokens = self._forge.world.tokens
        tokens[new] = tokens.pop(self.token)
        self.token = new

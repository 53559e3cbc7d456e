"""What a GitLab project is set to; asked once in five minutes.

https://docs.gitlab.com/api/projects/#get-a-single-project
"""

from __future__ import annotations

from collections.abc import Callable

from promoter.forges.gitlab.server import GitLabServer
from promoter.forges.gitlab.values import Json
from promoter.forges.memory import Memory

_SQUASHES = frozenset({"always", "default_on"})
_LINEAR = frozenset({"ff", "rebase_merge"})


class Settings:
    """Thread-safe."""

    def __init__(self, server: GitLabServer, clock: Callable[[], float]) -> None:
        self._server = server
        self._known: Memory[None, Json] = Memory(clock)

    def forget(self) -> None:
        """GitLab refused what these would allow: somebody changed them."""
        self._known.forget()

    def read(self) -> Json:
        return self._known.get(None, self._ask)

    def squash(self) -> dict[str, bool]:
        """What to say of squashing; nothing to older servers, which have no such setting."""
        option = self.read().get("squash_option")
        return {"squash": option in _SQUASHES} if isinstance(option, str) else {}

    def has_trains(self) -> bool:
        return self.read().get("merge_trains_enabled") is True

    def is_linear(self) -> bool:
        return self.read().get("merge_method") in _LINEAR

    def ci_file(self) -> str | None:
        """What CI/CD is configured by; None: it is not in the project, and so it always is there.

        https://docs.gitlab.com/ci/pipelines/settings/#specify-a-custom-cicd-configuration-file
        """
        path = str(self.read().get("ci_config_path") or ".gitlab-ci.yml")
        return None if "@" in path or "://" in path else path

    def has_pipelines(self) -> bool:
        """Without CI/CD there is no place for a status either."""
        return self.read().get("builds_access_level") != "disabled"

    def _ask(self) -> Json:
        with self._server.speaking("reading the project's settings"):
            settings: Json = self._server.api.projects.get(self._server.place.project).attributes
        return settings

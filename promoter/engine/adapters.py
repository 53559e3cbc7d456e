"""The world as the engine sees it: one adapter for each repository, forge and registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from promoter.model.ports import Forge, Registry, Repository
from promoter.model.rule import RepositoryAddress


@dataclass(frozen=True)
class Adapters:
    """Each call gives the same object for the same argument. A test wraps them to number their
    effects; production code carries no hook.

    Raises InputError where no adapter fits (an unknown forge).
    """

    repository: Callable[[RepositoryAddress], Repository]
    forge: Callable[[RepositoryAddress], Forge]
    registry: Callable[[str], Registry]

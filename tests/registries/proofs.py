"""Credentials as sources give them, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from promoter.access.credentials import Credential


@dataclass
class Source:
    """Gives its credentials in turn: the next one when the last one was refused."""

    credentials: list[Credential]
    refused: list[Credential] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)

    def __call__(self, repository: str, refused: Credential | None = None) -> Credential | None:
        self.asked_for.append(repository)
        if refused is not None:
            self.refused.append(refused)
            if refused == self.credentials[0] and len(self.credentials) > 1:
                self.credentials = self.credentials[1:]
        return self.credentials[0] if self.credentials else None

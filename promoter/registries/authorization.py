"""What a registry wants before it answers, learned from its first 401 and remembered."""

from __future__ import annotations

from collections.abc import Sequence

from promoter.access.credentials import Credential
from promoter.registries.bearer import Tokens, basic
from promoter.registries.headers import Challenge


class Authorization:
    """Gives values of the Authorization header; thread-safe. Nothing is sent unasked."""

    def __init__(self, credential: Credential | None, tokens: Tokens) -> None:
        self._credential = credential
        self._tokens = tokens
        self._challenge: Challenge | None = None

    def known(self, repository: str) -> str | None:
        """What to send at once; None before the registry asked for anything."""
        return self._meet(self._challenge, repository, None) if self._challenge else None

    def answer(
        self, challenges: Sequence[Challenge], repository: str, refused: str | None
    ) -> str | None:
        """What to send after a 401; None where there is nothing (else) to send."""
        for scheme in ("bearer", "basic"):
            for challenge in challenges:
                if challenge.scheme != scheme:
                    continue
                offer = self._meet(challenge, repository, refused)
                if offer is not None and offer != refused:
                    self._challenge = challenge
                    return offer
        return None

    def _meet(self, challenge: Challenge, repository: str, refused: str | None) -> str | None:
        if challenge.scheme == "basic":
            return basic(self._credential) if self._credential else None
        stale = refused.removeprefix("Bearer ") if refused else None
        return f"Bearer {self._tokens.get(challenge, repository, stale)}"

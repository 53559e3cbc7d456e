"""What a registry wants before it answers, learned from its first 401 and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from promoter.access.credentials import Credential, CredentialsOf
from promoter.errors import InputError, TransientError
from promoter.registries.bearer import Tokens, basic
from promoter.registries.headers import Challenge


@dataclass(frozen=True)
class Proof:
    """What was sent to prove who asks; `credential` None: a token that anybody gets.

    `token`: the realm gave it, so that it may have expired without the credential being wrong.
    """

    header: str = field(repr=False)
    credential: Credential | None
    token: bool


@dataclass(frozen=True)
class Failure:
    """Why there is no proof for what the registry wanted the last time."""

    challenge: Challenge
    error: InputError | TransientError


class Authorization:
    """Gives values of the Authorization header; thread-safe. Nothing is sent unasked."""

    def __init__(self, credentials: CredentialsOf, tokens: Tokens) -> None:
        self._credentials = credentials
        self._tokens = tokens
        self._challenge: Challenge | None = None

    def known(self, repository: str) -> Proof | Failure | None:
        """What to send at once; None before the registry asked for anything.

        After a failure the registry is to be asked without: its realm may have moved, and the
        repository may be public.
        """
        challenge = self._challenge
        if challenge is None:
            return None
        kept = self._tokens.kept(challenge, repository)
        if kept is not None:
            return Proof(f"Bearer {kept[0]}", kept[1], token=True)
        try:
            return self._meet(challenge, repository, None)
        except (InputError, TransientError) as error:
            self._challenge = None
            return Failure(challenge, error)

    def answer(
        self,
        challenges: Sequence[Challenge],
        repository: str,
        refused: Proof | None,
        failure: Failure | None = None,
    ) -> Proof | None:
        """What to send after a 401; None where there is nothing (else) to send. What failed a
        moment ago fails again, without being tried."""
        for scheme in ("bearer", "basic"):
            for challenge in challenges:
                if challenge.scheme != scheme:
                    continue
                if failure is not None and challenge.leads_to == failure.challenge.leads_to:
                    raise failure.error from None
                offer = self._meet(challenge, repository, refused)
                if offer is not None:
                    self._challenge = challenge
                    return offer
        return None

    def instead(self, repository: str, refused: Proof) -> Proof | None:
        """What else to send where the proof itself was refused; None where there is no other.

        ECR says 403 and asks for nothing when its password of twelve hours is over.
        """
        challenge, credential = self._challenge, self._other(repository, refused)
        if challenge is None or credential is None:
            return None
        return self._meet_with(challenge, repository, credential, refused)

    def _meet(self, challenge: Challenge, repository: str, refused: Proof | None) -> Proof | None:
        """A proof that differs from the refused one: a new token first, then a new credential."""
        offer = self._meet_with(challenge, repository, self._credentials(repository), refused)
        if refused is None or (offer is not None and offer.header != refused.header):
            return offer
        other = self._other(repository, refused)
        if other is None:
            return None
        offer = self._meet_with(challenge, repository, other, refused)
        return None if offer is None or offer.header == refused.header else offer

    def _other(self, repository: str, refused: Proof) -> Credential | None:
        if refused.credential is None:
            return None
        other = self._credentials(repository, refused.credential)
        return None if other == refused.credential else other

    def _meet_with(
        self,
        challenge: Challenge,
        repository: str,
        credential: Credential | None,
        refused: Proof | None,
    ) -> Proof | None:
        if challenge.scheme == "basic":
            # The two kinds of tokens mean nothing to Basic: a server would log them as users do.
            if credential is None or credential.kind != "password":
                return None
            return Proof(basic(credential), credential, token=False)
        if credential is not None and credential.kind == "registry-token":
            return Proof(f"Bearer {credential.password}", credential, token=False)
        stale = refused.header.removeprefix("Bearer ") if refused else None
        text, used = self._tokens.get(challenge, repository, credential, stale)
        return Proof(f"Bearer {text}", used, token=True)

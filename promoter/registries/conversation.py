"""Asking one registry host: who we are, what its answers mean, and what is told to people."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NoReturn

from promoter.access.call import Peer
from promoter.access.credentials import CredentialsOf, why_none
from promoter.access.http import HttpClient, Response
from promoter.access.origin import origin_of
from promoter.access.redaction import redact
from promoter.access.trouble import speaks_tls
from promoter.errors import InputError
from promoter.registries.authorization import Authorization, Failure, Proof
from promoter.registries.bearer import Tokens
from promoter.registries.content import objects_of, parse_object
from promoter.registries.copies import Copies
from promoter.registries.headers import challenges
from promoter.registries.place import Place
from promoter.registries.presentations import Presentations, owner_of, what_to_check

PAGES = frozenset({"text/html", "application/xhtml+xml"})
_FOUND = frozenset({200, 404})
_TLS_WANTED = re.compile(rb"HTTPS (?:server|port)|SSL-enabled server port")
_TRIES = 3  # as we are, with what was asked for or a new token, with another credential


class Conversation:
    """One registry host, asked about its repositories; thread-safe.

    An answer is judged in this order: status, media type, size (while it is read), and then, by
    who asked, its digest.
    """

    def __init__(
        self,
        host: str,
        http: HttpClient,
        credentials: CredentialsOf,
        place: Place,
        presentations: Presentations | None = None,
    ) -> None:
        self.host = host
        self.place = place
        self._http = http
        self._peer = Peer("registry", host)
        self._credentials = credentials
        self._copies = Copies()
        self._presentations = presentations or Presentations(place)
        tokens = Tokens(host, http, credentials, place, self._presentations)
        self._authorization = Authorization(credentials, tokens)

    def get(
        self,
        repository: str,
        url: str,
        accept: str,
        limit: int,
        *,
        also: Collection[int] = (),
        conditional: bool = False,
    ) -> Response:
        """A 200, a 404 or one of `also`, of something that speaks like a registry; raises for all
        others. `conditional`: ask whether what came last is still so; the answer is whole in any
        case."""
        copy = self._copies.get(url) if conditional else None
        etag = copy.etag if copy else None
        response, proof = self._send("GET", repository, url, accept, limit, etag)
        if response.status == 304 and copy is not None:
            if copy.is_confirmed_by(response):
                return copy.response
            response, proof = self._send("GET", repository, url, accept, limit)
        self._check(repository, response, proof, also)
        if conditional and response.status == 200:
            self._copies.keep(url, response)
        return response

    def head(self, repository: str, url: str, accept: str) -> Response:
        """Whatever HEAD says: its 404 and 403 have no body that tells why, so GET settles them.
        Raises InputError for a 401."""
        response, proof = self._send("HEAD", repository, url, accept, 0)
        if response.status == 401:
            raise InputError(redact(self._denied(repository, response, proof)))
        return response

    def refuse_repository(self, repository: str) -> NoReturn:
        raise InputError(
            redact(f"{self.host} has no repository '{repository}'; check the image name")
        )

    def _check(
        self, repository: str, response: Response, proof: Proof | None, also: Collection[int]
    ) -> None:
        if response.status in also:
            return
        if response.status in (401, 403):
            raise InputError(redact(self._denied(repository, response, proof)))
        if _wants_tls(response, self.place):
            raise speaks_tls(self.place.origin)
        if response.media_type in PAGES:
            raise InputError(
                redact(
                    f"{self._who(response)} did not answer as a registry ({response.status},"
                    f" {response.media_type}); check the host, and whether a proxy or a login page"
                    " stands before it"
                )
            )
        if response.status not in _FOUND:
            # Masked before it is cut: a part of a secret would not be known as one.
            codes = redact(", ".join(sorted(error_codes(response))))
            raise InputError(
                redact(
                    f"{self._who(response)} can't answer for '{repository}': status"
                    f" {response.status}" + (f" ({codes[:100]})" if codes else "")
                )
            )

    def _send(
        self,
        method: str,
        repository: str,
        url: str,
        accept: str,
        limit: int,
        etag: str | None = None,
    ) -> tuple[Response, Proof | None]:
        """The response, and what was sent to prove who asks."""
        headers = {"Accept": accept}
        if etag is not None:
            headers["If-None-Match"] = etag
        # A page of tags may lie at another host, where a redirect led; nothing is sent there.
        ours = self.place.holds(url)
        known = self._authorization.known(repository) if ours else None
        failure = known if isinstance(known, Failure) else None
        proof = known if isinstance(known, Proof) else None
        asked = 0
        while True:
            if proof is not None:
                headers["Authorization"] = proof.header
            response = self._show(proof, repository, method, url, headers, limit)
            asked += 1
            offer = None
            if asked < _TRIES and ours:
                offer = self._offer(repository, response, proof, failure, fresh=asked > 1)
            if offer is not None:
                proof = offer
            elif isinstance(response, str):
                raise InputError(redact(f"{self.host}: {response}"))
            else:
                return response, proof

    def _show(
        self,
        proof: Proof | None,
        repository: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        limit: int,
    ) -> Response | str:
        """The answer; a text says why the proof is not to be sent now."""

        def ask() -> Response:
            return self._http.request(method, url, headers=headers, limit=limit, peer=self._peer)

        if proof is None or proof.token or proof.credential is None:
            return ask()
        return self._presentations.show(proof.credential, repository, url, ask)

    def _offer(
        self,
        repository: str,
        response: Response | str,
        proof: Proof | None,
        failure: Failure | None,
        *,
        fresh: bool,
    ) -> Proof | None:
        """What to prove ourselves with after this answer; None where it stands. `fresh`: the
        proof was got for this request, so that its age is not what is wrong with it."""
        if isinstance(response, str):
            return self._authorization.instead(repository, proof) if proof else None
        if not self.place.holds(response.url):
            return None
        if response.status == 401 and not (proof and fresh):
            offered = challenges(response.headers.getlist("WWW-Authenticate"))
            return self._authorization.answer(offered, repository, proof, failure)
        if proof is None or response.status not in (401, 403):
            return None
        if response.status == 403 and proof.token:
            return None  # the realm knows who asks, so it is a matter of rights
        return self._authorization.instead(repository, proof)

    def _who(self, response: Response) -> str:
        """Whose answer it is, as the subject of a sentence."""
        if self.place.holds(response.url):
            return self.host
        return f"{self.host} sends on to {origin_of(response.url)}, which"

    def _denied(self, repository: str, response: Response, proof: Proof | None) -> str:
        head = f"{self._who(response)} refuses '{repository}' ({response.status})"
        if not self.place.holds(response.url):
            return f"{head}; no credential was sent there, so check the storage behind the registry"
        credential = proof.credential if proof else self._credentials(repository)
        if credential is None:
            why = why_none(self._credentials, self.host, repository)
            return f"{head}, and no credential was sent; {why}"
        if proof is None and credential.kind != "password":
            return (
                f"{head} and asks for no token, so that {owner_of(credential)} of the entry"
                f" {self.place.entry} in {credential.origin} is of no use; give a user and a"
                " password"
            )
        if proof is None:
            return (
                f"{head} without asking for the credential, so none was sent; check the entry"
                f" {self.place.entry} in {credential.origin}"
            )
        return (
            f"{head} although the credential of {owner_of(credential)} was sent;"
            f" {what_to_check(credential, self.place)}"
        )


def _wants_tls(response: Response, place: Place) -> bool:
    """Whether it is a TLS server's answer to plain HTTP: 400, with as much in words by Go (docker's
    registry), nginx (Harbor) and Apache."""
    return (
        response.status == 400
        and place.origin.scheme == "http"
        and _TLS_WANTED.search(response.body) is not None
    )


def error_codes(response: Response) -> frozenset[str]:
    """The codes of a registry's error body (specification, section "Error Codes")."""
    errors = objects_of((parse_object(response.body) or {}).get("errors"))
    return frozenset(code for each in errors if isinstance(code := each.get("code"), str))

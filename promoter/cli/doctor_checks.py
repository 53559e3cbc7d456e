"""What `promoter doctor` looks at, one by one; each is cheap and only reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from promoter.access.credentials import Credentials
from promoter.access.git import Git
from promoter.app import App, read_rules
from promoter.engine.observe import Observer
from promoter.errors import InputError, PromoterError
from promoter.model.address import GitAddress
from promoter.model.facts import DigestOf, Known, Question, TagsOf, Unknown
from promoter.model.image import ImageName
from promoter.model.rule import ArtifactRule, RepositoryAddress, Rule
from promoter.model.target import Discovery
from promoter.model.trouble import TroubleKind
from promoter.registries.place import Place
from promoter.texts.doctor_text import Level, Symptom

_OLDEST_GIT = (2, 38)
_VERSION = re.compile(r"git version ((\d+)\.(\d+)\S*)")
Answer = Known[Any] | Unknown | None


def check_git() -> Symptom:
    try:
        said = Git(Path.cwd() / "none.git").read("version").decode("utf-8", "replace")
    except PromoterError as error:
        return _problem("git", error)
    match = _VERSION.match(said)
    needed = ".".join(map(str, _OLDEST_GIT))
    if match is None:
        return Symptom("warning", "git", f"does not tell its version; it must be {needed} or newer")
    if (int(match[2]), int(match[3])) < _OLDEST_GIT:
        text = f"{match[1]} is too old: install git {needed} or newer"
        return Symptom("problem", "git", text, "input")
    return Symptom("ok", "git", match[1])


def check_rules(app: App) -> tuple[Sequence[Rule], list[Symptom]]:
    """The rules that are right, and what is wrong with the others."""
    try:
        files, unread = app.rule_files()
    except PromoterError as error:
        return (), [_problem("rules", error)]
    rules, broken = read_rules(files)
    return rules, [_problem("rules", each) for each in (*unread, *broken)]


def check_targets(rule: Rule, address: RepositoryAddress, answer: Answer) -> Iterator[Symptom]:
    """How many targets a rule finds in a repository, and what is wrong with its layout."""
    if isinstance(answer, Unknown):
        yield Symptom("problem", rule.source, answer.why, answer.kind)
    if not isinstance(answer, Known):
        return
    discovery: Discovery = answer.value
    for each in discovery.problems:
        yield Symptom("problem", str(each.where or rule.where), each.message, "input")
    if discovery.targets:
        names = {each.application for each in discovery.targets}
        applications = _count(len(names), "application")
        targets = _count(len(discovery.targets), "target")
        branch = f" {address.branch}" if address.branch else ""
        where = f" in {address.url}{branch}" if len(rule.repositories) > 1 else ""
        yield Symptom("ok", rule.source, f"{targets} of {applications}{where}")


def check_credential(
    credentials: Credentials, address: RepositoryAddress
) -> tuple[str, list[Symptom]]:
    """Where the credential in use for a repository came from, and what is wrong with it."""
    at = GitAddress.parse(address.url)
    if at.place is None:
        return "none is needed: it is on this machine", []
    if app := credentials.app_for(at.place):
        return f"the GitHub App {app.id} with its key {app.key_file}", []
    try:
        found = credentials.for_host(at.place)
    except PromoterError as error:
        return "can't be had", [_problem(address.url, error)]
    if found is not None:
        return found.origin, []
    if at.scheme == "ssh":
        # Whoever opens merge requests by an API says itself that it needs a token.
        return f"the keys of ssh; no token is known for {at.place}", []
    text = f"no credential is known for {at.place}: add the entry '{at.place}' to the credentials"
    return f"none is known for {at.place}", [Symptom("warning", address.url, f"{text} file")]


def check_registries(
    app: App,
    credentials: Credentials,
    discovered: Sequence[tuple[Rule, Answer]],
    observer: Observer,
    now: datetime,
) -> Iterator[Symptom]:
    """Each registry is asked for one artifact of the rules, with the credentials of a run."""
    samples: dict[str, _Sample] = {}
    unasked: dict[str, Rule] = {}
    for rule, answer in discovered:
        for artifact in rule.artifacts:
            sample = _sample(artifact, answer)
            if sample is not None:
                samples.setdefault(sample.name.registry, sample)
            elif host := _host(artifact):
                unasked.setdefault(host, rule)
    answers = observer.answer([each.question for each in samples.values()], now)
    for host, sample in samples.items():
        seen = answers[sample.question]
        if isinstance(seen, Unknown):
            yield Symptom("problem", host, seen.why, seen.kind)
        else:
            login = _login(app, credentials, sample.name)
            level: Level = "ok" if seen.value else "warning"
            yield Symptom(level, host, f"{sample.tell(seen.value)}; {login}")
    for host, rule in unasked.items():
        if host not in samples:
            text = f"was not asked: {rule.source} finds no application whose image it would have"
            yield Symptom("warning", host, text)


@dataclass(frozen=True)
class _Sample:
    """`tag` None: its tags are listed; for a moving tag, which many registries let nobody list,
    it is that tag."""

    name: ImageName
    tag: str | None

    @property
    def question(self) -> Question[Any]:
        return TagsOf(self.name) if self.tag is None else DigestOf(self.name, self.tag)

    def tell(self, seen: Any) -> str:
        path = self.name.path
        if self.tag is not None:
            return f"{path}:{self.tag} is there" if seen else f"{path} has no tag {self.tag}"
        return f"{path} has {_count(len(seen), 'tag')}"


def _sample(artifact: ArtifactRule, answer: Answer) -> _Sample | None:
    """The artifact of the first application that has one."""
    targets = answer.value.targets if isinstance(answer, Known) else ()
    applications = sorted({each.application for each in targets})
    for application in applications if "{application}" in artifact.image else ("",):
        with suppress(ValueError):  # the decision of that target tells it
            name, select = artifact.name_for(application), artifact.select
            return _Sample(name, select.argument if select.policy == "tag" else None)
    return None


def _host(artifact: ArtifactRule) -> str:
    with suppress(ValueError):
        return artifact.name_for("application").registry
    return ""


def _login(app: App, credentials: Credentials, name: ImageName) -> str:
    """Where the credential of a registry came from, found as for a run."""
    scheme, _, path = (where := app.settings.registries.get(name.registry, "https:")).partition(":")
    if scheme == "oci-layout":
        return f"a folder, {path}"
    place = Place.of(name.registry, where if path else None, plain_http=scheme == "http")
    try:
        found = credentials.of(name.registry, place.origin, place.prefix)(name.path)
    except PromoterError as error:  # it answered all the same
        return f"a credential can't be had: {error}"
    return f"with the credential of {found.origin}" if found else "without a credential"


def _problem(about: str, error: PromoterError) -> Symptom:
    """A place says better than `about` what is wrong."""
    kind: TroubleKind = "input" if isinstance(error, InputError) else "transient"
    return Symptom("problem", str(error.where or about), error.message, kind)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

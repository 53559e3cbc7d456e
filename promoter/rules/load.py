"""Rule files -> rules, or everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from promoter.errors import InputError, Where
from promoter.model.rule import (
    ArtifactRule,
    CommitTexts,
    Limits,
    RepositoryAddress,
    RequestTexts,
    Rule,
    Select,
)
from promoter.rules.address import forge_of
from promoter.rules.document import Document, read_document
from promoter.rules.duration import parse_duration
from promoter.rules.environments import build_environments
from promoter.rules.graph import sort_upstream_first
from promoter.rules.wording import label, printable

if TYPE_CHECKING:
    from promoter.rules.complaints import Complaint
    from promoter.rules.shape import (
        ArtifactShape,
        CommitShape,
        LimitsShape,
        MergeRequestShape,
        RuleShape,
    )


def load_rules(files: Mapping[str, str]) -> tuple[tuple[Rule, ...], tuple[InputError, ...]]:
    """The rules of all files (name -> text) that are right, and every error of the others.

    Both in the files' order; the errors of a file by place. A broken file never stops another.
    """
    rules: list[Rule] = []
    errors: list[InputError] = []
    for file, text in files.items():
        rule, wrong = _load(file, text)
        if rule is not None:
            rules.append(rule)
        errors.extend(sorted(wrong, key=lambda error: (error.where or Where(file), error.message)))
    return tuple(rules), tuple(errors)


def _load(file: str, text: str) -> tuple[Rule | None, tuple[InputError, ...]]:
    if not _can_name_a_rule(Rule.name_of(file)):
        message = (
            "the file's name names the rule: rename it without '<', '>', control characters and"
            " spaces at its ends"
        )
        return None, (InputError(message, where=Where(printable(file))),)
    document, unreadable = read_document(file, text)
    if document is None:
        return None, unreadable
    # Imported here: pydantic costs more than all other imports of a command that reads no rules.
    from pydantic import ValidationError

    from promoter.rules import checks, complaints
    from promoter.rules.shape import RuleShape

    shape: RuleShape | None = None
    found: list[Complaint] = []
    try:
        shape = RuleShape.model_validate(document.data)
    except ValidationError as error:
        found.extend(complaints.explain(error.errors(include_url=False), document))
    known = {complaint.location for complaint in found}
    found.extend(each for each in checks.check(document.data) if each.location not in known)
    # A key that is misspelt is not missing as well.
    meant = {complaint.meant for complaint in found}
    found = [each for each in found if not (each.absent and each.location in meant)]
    # What was refused as YAML already gets no second message.
    told = {error.where for error in unreadable}
    wrong = (*unreadable, *(each for each in _place(found, document) if each.where not in told))
    if shape is None or wrong:
        return None, wrong
    return _build(file, shape), ()


def _can_name_a_rule(name: str) -> bool:
    """Whether a line of a commit message and an HTML comment give the name back as it is: by it
    the bot knows its own merge requests again."""
    return name.isprintable() and name == name.strip() and not set(name) & {"<", ">"}


def _place(complaints: Iterable[Complaint], document: Document) -> Iterator[InputError]:
    for each in complaints:
        found, place = document.find(each.location)
        name = label(each.location if each.absent else found)
        where = place.key if each.on_key else place.at
        yield InputError(f"{name}: {each.message}" if name else each.message, where=where)


def _build(file: str, shape: RuleShape) -> Rule:
    repository = shape.repository
    address = RepositoryAddress(
        repository.url, repository.branch, repository.forge or forge_of(repository.url) or ""
    )
    environments = build_environments(shape, address)
    order = sort_upstream_first({n: each.after.environments for n, each in environments.items()})
    return Rule(
        source=file,
        repository=address,
        artifacts=tuple(_artifact(each) for each in shape.artifacts),
        applications=tuple(shape.applications or ()),
        environments=tuple(environments[name] for name in order),
        where=Where(file),
        request=_request(shape.merge_request) if shape.merge_request else RequestTexts(),
        commit=_commit(shape.commit) if shape.commit else CommitTexts(),
        lockstep=shape.lockstep,
        limits=_limits(shape.limits) if shape.limits else Limits(),
    )


def _request(shape: MergeRequestShape) -> RequestTexts:
    return RequestTexts(
        shape.title,
        shape.body,
        tuple(shape.labels or ()),
        tuple(shape.reviewers or ()),
        tuple(shape.assignees or ()),
    )


def _commit(shape: CommitShape) -> CommitTexts:
    return CommitTexts(shape.message, shape.author)


def _artifact(shape: ArtifactShape) -> ArtifactRule:
    policy, argument = shape.select.word
    return ArtifactRule(
        image=shape.image,
        select=Select(policy, argument),
        tags=shape.tags,
        ignore=tuple(shape.ignore or ()),
        prereleases=shape.prereleases,
        platforms=tuple(shape.platforms or ()),
        minimum_age=parse_duration(shape.minimum_age) if shape.minimum_age else timedelta(),
        pin=shape.pin,
    )


def _limits(shape: LimitsShape) -> Limits:
    return Limits(shape.open, shape.files, shape.lines, tuple(shape.paths or ()))

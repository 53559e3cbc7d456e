"""Brings files onto the base branch: straight by a commit, or by a branch and merge request of its
own, which a person reviews. Both may be repeated: what is there already is found."""

from __future__ import annotations

from dataclasses import replace

from promoter.access.git_errors import PushRefusedError
from promoter.engine.adapters import Adapters
from promoter.errors import ConflictError, InputError, TransientError
from promoter.model.delivery import Delivered, Delivery, How
from promoter.model.ports import (
    Branch,
    CommitDraft,
    Forge,
    MergeRequestDraft,
    RefMove,
    Repository,
)
from promoter.model.rule import RepositoryAddress

_HEADS = "refs/heads/"
_RACES = 20


def deliver(
    adapters: Adapters, address: RepositoryAddress, delivery: Delivery, how: How
) -> Delivered:
    """Raises ConflictError where somebody changed the same files meanwhile, InputError where the
    remote does not take the push (it says what else can be done), and what adapters raise."""
    repository = adapters.repository(address)
    if not _missing(repository, delivery):
        return Delivered(delivery.tip.commit, changed=False)
    if how == "commit":
        return _commit(repository, delivery)
    return _propose(repository, adapters.forge(address), delivery)


def _missing(repository: Repository, delivery: Delivery) -> dict[str, bytes | None]:
    """The files that are not as they shall be at the tip."""
    stands = repository.tree(delivery.tip.commit).read(delivery.files)
    return {path: data for path, data in delivery.files.items() if stands.get(path) != data}


def _commit(repository: Repository, delivery: Delivery) -> Delivered:
    """Straight onto the base, each time from the tip that is there."""
    branch = delivery.tip.branch
    for _ in range(_RACES):
        commit = _make(repository, delivery)
        try:
            repository.push([RefMove(f"{_HEADS}{branch}", delivery.tip.commit, commit)])
        except ConflictError:
            delivery = _at_new_tip(repository, delivery)
            if not _missing(repository, delivery):
                return Delivered(delivery.tip.commit, changed=False)
            continue
        except PushRefusedError as error:
            raise InputError(
                f"{error.said}: let people merge it ({delivery.by_request}), or let the bot push to"
                f" {branch}"
            ) from None
        return Delivered(commit)
    raise TransientError(f"others push to {branch} all the time; try again")


def _make(repository: Repository, delivery: Delivery) -> str:
    files, message = _missing(repository, delivery), delivery.message
    draft = CommitDraft(delivery.tip.commit, files, message, author=delivery.author)
    return repository.commit([draft])[0]


def _at_new_tip(repository: Repository, delivery: Delivery) -> Delivery:
    """The same on the tip as it is now; ConflictError where what it touches is not what it was
    decided on."""
    branch = delivery.tip.branch
    commit = repository.refresh().get(f"{_HEADS}{branch}")
    if commit is None:
        raise ConflictError(f"the branch {branch} is gone; look again")
    before = repository.tree(delivery.tip.commit).read(delivery.files)
    after = repository.tree(commit).read(delivery.files)
    for path, wanted in delivery.files.items():
        if after.get(path) not in (before.get(path), wanted):
            raise ConflictError(f"{path} changed on {branch} meanwhile; look at it and try again")
    return replace(delivery, tip=replace(delivery.tip, commit=commit))


def _propose(repository: Repository, forge: Forge, delivery: Delivery) -> Delivered:
    """The one merge request from this branch, open and with these files."""
    branch = repository.branch(delivery.branch, delivery.tip.commit)
    if branch is not None and dict(branch.files) == _missing(repository, delivery):
        # Whoever made the branch opened the request, unless it died in between, or it was closed.
        request = forge.open(_draft(delivery, branch.head))
        return Delivered(branch.head, request, changed=False)
    if branch is not None and not _may_move(repository, delivery, branch):
        raise InputError(
            f"somebody pushed to {delivery.branch}: merge the request that comes from it, or delete"
            " that branch, first"
        )
    head = _make(repository, delivery)
    expected = branch.head if branch else None
    repository.push([RefMove(f"{_HEADS}{delivery.branch}", expected, head)])
    draft = _draft(delivery, head)
    request = forge.open(draft)
    # It may have been open, with the texts of what it brought before.
    return Delivered(head, forge.update(request.number, draft) if branch else request)


def _draft(delivery: Delivery, head: str) -> MergeRequestDraft:
    return MergeRequestDraft(
        delivery.branch,
        delivery.tip.branch,
        head,
        delivery.title,
        delivery.body,
        labels=delivery.labels,
    )


def _may_move(repository: Repository, delivery: Delivery, branch: Branch) -> bool:
    """Whether moving the branch throws nobody's work away: it is the bot's alone, or all of it is
    on the base already."""
    if branch.by_bot:
        return True
    stands = repository.tree(delivery.tip.commit).read(path for path, _ in branch.files)
    return all(stands.get(path) == data for path, data in branch.files)

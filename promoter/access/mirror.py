"""A bare mirror of a remote repository: a cache that may vanish at any time.

Several processes and threads share one folder. Its refs are written by `fetch` alone, under
a lock; objects are written by anyone (git makes that safe), and never collected.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from promoter.access.credentials import Credentials
from promoter.access.git import Answer, Git
from promoter.access.git_errors import (
    MirrorDamagedError,
    local_failure,
    push_failure,
    remote_failure,
)
from promoter.access.git_remote import Remote, check_ref
from promoter.access.objects import NewCommit, Objects, Person, check_id
from promoter.errors import InputError, TransientError
from promoter.model.ports import RefMove

_HEADS = "refs/heads/"
_OURS = "refs/promoter/"
_FETCHED = (f"+{_HEADS}*:{_HEADS}*", f"+{_OURS}*:{_OURS}*")


@dataclass(frozen=True)
class _Look:
    """What the remote said last: refs, and the branch behind HEAD (None: HEAD is no branch)."""

    refs: Mapping[str, str]
    default: str | None


class Mirror:
    """A mirror of `url` in a folder of its own below `cache_dir`; thread-safe.

    Raises InputError for an address that git must not see. `timeout` is in seconds for one
    git command.
    """

    def __init__(
        self,
        url: str,
        cache_dir: Path,
        credentials: Credentials | None = None,
        *,
        timeout: float = 300.0,
    ) -> None:
        self.remote = Remote.parse(url)
        self._folder = cache_dir.absolute() / f"{self.remote.key}.git"
        self._git = Git(self._folder, credentials or Credentials(), timeout)
        self.objects = Objects(self._git)
        self._look: _Look | None = None

    @property
    def url(self) -> str:
        """The repository's address without user-info, for people."""
        return self.remote.display

    @property
    def refs(self) -> Mapping[str, str]:
        """Branches and `refs/promoter/*` as of the last look; looks where there was none."""
        look = self._look
        return look.refs if look is not None else self.refresh()

    def refresh(self) -> dict[str, str]:
        """Ask the remote and fetch what is new; ref -> commit, {} where it has no commits.

        The commits of all refs in the answer are in the mirror.
        """
        self._make_where_absent()
        look = self._ask()
        known = self._look.refs if self._look is not None else self._local_refs()
        refs = look.refs if look.refs == known else self._fetch(look.refs)
        self._look = _Look(refs, look.default)
        return dict(refs)

    def default_branch(self) -> str:
        """The branch that HEAD names; raises InputError where there is no such branch."""
        refs = self.refs
        default = self._look.default if self._look is not None else None
        if default is not None:
            return default
        if not refs:
            raise InputError(f"{self.url} is empty: push a first commit")
        raise InputError(
            f"{self.url}: HEAD names no branch that exists: name the branch in the rule"
        )

    def write(self, commits: Sequence[NewCommit], by: Person, at: datetime) -> tuple[str, ...]:
        """Write commits to the object database alone; ids in the order given."""
        self._make_where_absent()
        return self.objects.write(commits, by, at)

    def push(self, moves: Sequence[RefMove]) -> None:
        """Move refs of the remote, all or none, each from the value that is expected.

        ConflictError where one is elsewhere. A ref that is at its new value already counts as
        moved (git says "up to date"), so a push whose answer was lost can be repeated.
        """
        if not moves:
            return
        for move in moves:
            for value in (move.expected, move.new):
                check_id(value or "0" * 40)
        leases = [f"--force-with-lease={check_ref(m.ref)}:{m.expected or ''}" for m in moves]
        answer = self._git.run(
            *("push", "--atomic", "--porcelain", "--no-verify", *leases),
            *("--", self.remote.address, *(f"{move.new or ''}:{move.ref}" for move in moves)),
            remote=self.remote,
        )
        if answer.status:
            raise push_failure(self.remote, answer.stdout.decode("utf-8", "replace"), answer.stderr)
        look = self._look
        if look is not None:
            moved = {move.ref: move.new for move in moves}
            refs = {**look.refs, **moved}
            self._look = _Look({ref: at for ref, at in refs.items() if at}, look.default)

    def _ask(self) -> _Look:
        command = ("ls-remote", "--symref", "--", self.remote.address)
        answer = self._git.run(*command, remote=self.remote)
        if answer.status and self._is_damaged(answer):
            self._remake()
            answer = self._git.run(*command, remote=self.remote)
        if answer.status:
            raise remote_failure(self.remote, answer.stderr)
        refs: dict[str, str] = {}
        default: str | None = None
        for line in answer.stdout.decode("utf-8", "surrogateescape").splitlines():
            value, _, ref = line.partition("\t")
            if ref == "HEAD" and value.startswith(f"ref: {_HEADS}"):
                default = value.removeprefix(f"ref: {_HEADS}")
            elif ref.startswith((_HEADS, _OURS)):
                refs[ref] = value
        return _Look(refs, default if f"{_HEADS}{default}" in refs else None)

    def _fetch(self, wanted: Mapping[str, str]) -> Mapping[str, str]:
        """Fetch under the lock; the refs as they are then, which may be newer than `wanted`."""
        command = (
            *("fetch", "--quiet", "--prune", "--no-tags", "--force", "--no-write-fetch-head"),
            *("--no-auto-maintenance", "--no-recurse-submodules"),
            *("--", self.remote.address, *_FETCHED),
        )
        with self._locked():
            # Another process may have fetched the same while this one waited.
            if wanted and self._read_refs() == wanted:
                return wanted
            answer = self._git.run(*command, remote=self.remote)
            if answer.status and self._is_damaged(answer):
                self._make_again()
                answer = self._git.run(*command, remote=self.remote)
            if answer.status:
                raise remote_failure(self.remote, answer.stderr)
            refs = self._read_refs()
            if refs is None:
                raise TransientError(f"the mirror of {self.url} is damaged right after a fetch")
            return refs

    def _is_damaged(self, answer: Answer) -> bool:
        return isinstance(remote_failure(self.remote, answer.stderr), MirrorDamagedError)

    def _local_refs(self) -> Mapping[str, str]:
        """The refs that the mirror holds; a mirror that can't tell is made again."""
        refs = self._read_refs()
        if refs is None:
            self._remake()
        return refs or {}

    def _read_refs(self) -> Mapping[str, str] | None:
        answer = self._git.run("for-each-ref", "--format=%(objectname) %(refname)")
        if answer.status:
            return None
        lines = answer.stdout.decode("utf-8", "surrogateescape").splitlines()
        return {ref: at for at, _, ref in (line.partition(" ") for line in lines)}

    def _make_where_absent(self) -> None:
        if not (self._folder / "HEAD").is_file() or self._git.damaged:
            with self._locked():
                if not (self._folder / "HEAD").is_file() or self._git.damaged:
                    self._make_again()

    def _remake(self) -> None:
        with self._locked():
            self._make_again()

    def _make_again(self) -> None:
        """Put an empty mirror in place, under the lock; one that is half made is never seen."""
        self._look = None
        fresh = self._folder.with_suffix(".new")
        for folder in (self._folder, fresh):
            shutil.rmtree(folder, ignore_errors=True)
        Git(fresh).read("init", "--quiet", "--bare", "--template=")
        try:
            fresh.rename(self._folder)
        except OSError as error:
            raise local_failure(str(error)) from None
        self._git.damaged = False

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer of refs at a time, over threads and processes; a dead one lets go."""
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            lock = (self._folder.with_suffix(".lock")).open("ab")
        except OSError as error:
            raise InputError(
                f"the cache folder {self._folder.parent} can't be written: {error.strerror}"
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

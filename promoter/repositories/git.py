"""The manifest repository, over a bare mirror: read, compared, committed to, pushed."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promoter.access.mirror import Mirror
from promoter.access.objects import SUBMODULE, SYMLINK, LoggedCommit, NewCommit, Objects, Person
from promoter.access.recent import Recent
from promoter.errors import ConflictError, InputError, Where
from promoter.model.ports import BlobChange, Branch, CommitDraft, Entry, Landing, RefMove, Tree
from promoter.model.record import Record

_NEW_FILE = "100644"
_TREES = 4
_BRANCHES = 2000

Files = tuple[tuple[str, bytes | None], ...]
"""Path -> content (None: deleted), by path."""


@dataclass(frozen=True)
class GitTree:
    """One commit's files (`promoter.model.ports.Tree`); submodules are not files."""

    entries: tuple[Entry, ...]
    objects: Objects

    def list(self, under: str = "") -> Sequence[Entry]:
        path = _directory(under)
        return [each for each in self._below(path) if each.mode != SUBMODULE]

    def read(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        wanted = {path: self.find(path) for path in paths}
        regular = {path: e.blob for path, e in wanted.items() if e and e.mode.startswith("100")}
        contents = self.objects.read(regular.values())
        return {path: contents[blob] for path, blob in regular.items()}

    def find(self, path: str) -> Entry | None:
        """The file, link or submodule at exactly this path."""
        at = bisect_left(self.entries, path, key=lambda entry: entry.path)
        found = self.entries[at] if at < len(self.entries) else None
        return found if found and found.path == path else None

    def has_directory(self, path: str) -> bool:
        return bool(self._below(f"{path}/"))

    def _below(self, path: str) -> Sequence[Entry]:
        if not path:
            return self.entries
        exact = () if path.endswith("/") else self._below_exact(path)
        prefix = path if path.endswith("/") else f"{path}/"
        start = bisect_left(self.entries, prefix, key=lambda entry: entry.path)
        end = bisect_left(self.entries, prefix[:-1] + "0", key=lambda entry: entry.path)  # "/" + 1
        return (*exact, *self.entries[start:end])

    def _below_exact(self, path: str) -> Sequence[Entry]:
        found = self.find(path)
        return (found,) if found else ()


class GitRepository:
    """`promoter.model.ports.Repository` on a mirror; thread-safe.

    `name` and `email` sign the bot's commits, and `email` tells which commits are its own.
    `now` gives the time of commits, in UTC.
    """

    def __init__(
        self, mirror: Mirror, *, name: str, email: str, now: Callable[[], datetime]
    ) -> None:
        self._mirror = mirror
        self._bot = Person(name, email)
        self._now = now
        self._trees: Recent[str, GitTree] = Recent(_TREES)
        self._last_listed: GitTree | None = None
        self._compared: Recent[tuple[str, str], Branch] = Recent(_BRANCHES)
        # In a tuple: that two conflict is remembered as well.
        self._merged: Recent[tuple[str, str], tuple[Files | None]] = Recent(_BRANCHES)

    def refresh(self) -> Mapping[str, str]:
        return self._mirror.refresh()

    def ref(self, name: str) -> str | None:
        return self._mirror.refs.get(name)

    def default_branch(self) -> str:
        return self._mirror.default_branch()

    def tree(self, commit: str) -> Tree:
        return self._tree(commit)

    def _tree(self, commit: str) -> GitTree:
        return self._trees.get_or_make(commit, lambda: self._list(commit))

    def _list(self, commit: str) -> GitTree:
        """The larger a repository, the more of it is the same as at the commit before."""
        objects, before = self._mirror.objects, self._last_listed
        tree = GitTree(objects.listing(commit, before.entries if before else ()), objects)
        if before is None or len(tree.entries) >= len(before.entries) // 2:
            self._last_listed = tree  # not that of the ledger, which has nothing in common with it
        return tree

    def blobs(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        return self._mirror.objects.read(ids)

    def landings(self, commit: str, under: Sequence[str]) -> Iterator[Landing]:
        """As the port says; an empty `under`, or the root in it, means the whole repository."""
        paths = [_directory(path) for path in under]
        for each in self._mirror.objects.first_parents(commit, () if "" in paths else paths):
            yield Landing(
                *(each.commit, each.at, each.subject, each.changes), each.author, each.message
            )

    def branch(self, name: str, base: str) -> Branch | None:
        head = self._mirror.refs.get(f"refs/heads/{name}")
        if head is None:
            return None
        found = self._compared.get_or_make((head, base), lambda: self._compare(name, head, base))
        return replace(found, name=name)

    def _compare(self, name: str, head: str, base: str) -> Branch:
        objects = self._mirror.objects
        commits = objects.between(base, head)
        if len(commits) == 1 and len(commits[0].parents) == 1:
            # The usual branch of the bot's: its only commit stands on a commit of the base.
            fork: str | None = commits[0].parents[0]
            changes, own = commits[0].changes, self._is_own(commits[0])
        else:
            fork = objects.merge_base(base, head)
            changes = objects.changes(fork or base, head)
            own = fork is not None and all(
                self._is_own(each) or self._is_update(each) for each in commits
            )
        # What a forge's "update branch" puts on top says nothing of its own.
        says = (each for each in commits if len(each.parents) == 1)
        top = next(says, None) or (commits[0] if commits else objects.only(head))
        by_bot = all(self._is_by_bot(each) for each in commits)
        return Branch(name, head, top.message, self._files(changes), own, fork, by_bot)

    def merged(self, base: str, head: str) -> Files | None:
        made = self._merged.get_or_make((base, head), lambda: (self._merge(base, head),))
        return made[0]

    def _merge(self, base: str, head: str) -> Files | None:
        try:
            tree = self._mirror.objects.merge_trees(base, head)
        except ConflictError:
            return None
        return self._files(self._mirror.objects.changes(base, tree))

    def _files(self, changes: Iterable[BlobChange]) -> Files:
        """What stands at the changed paths afterwards, by path."""
        after = {change.path: change.after for change in changes}
        contents = self._mirror.objects.read(blob for blob in after.values() if blob)
        return tuple(
            (path, contents[blob] if blob else None) for path, blob in sorted(after.items())
        )

    def _is_own(self, commit: LoggedCommit) -> bool:
        return self._is_by_bot(commit) and Record.parse(commit.message) is not None

    def _is_by_bot(self, commit: LoggedCommit) -> bool:
        return commit.committer.casefold() == self._bot.email.casefold()

    def _is_update(self, commit: LoggedCommit) -> bool:
        """Whether a commit is the merge of two others and nothing else, as forges make it where
        somebody asks for a branch to be brought up to date."""
        if len(commit.parents) != 2:
            return False
        objects = self._mirror.objects
        try:
            return objects.merge_trees(*commit.parents) == objects.tree_of(commit.commit)
        except ConflictError:
            return False

    def commit(self, drafts: Sequence[CommitDraft]) -> Sequence[str]:
        """As the port says, with one `fast-import`. InputError where a path can't take a file or an
        author is no person; ValueError where a draft changes nothing."""
        return self._mirror.write([self._new(draft) for draft in drafts], self._bot, self._now())

    def _new(self, draft: CommitDraft) -> NewCommit:
        tree = self._tree(draft.parent) if draft.parent else GitTree((), self._mirror.objects)
        files: dict[str, tuple[str, bytes] | None] = {}
        for path, data in draft.files.items():
            if data is None:
                if tree.find(path) is not None:
                    files[path] = None
                continue
            entry = _place(tree, path)
            if entry is None or entry.blob != _blob_id(data, like=entry.blob):
                files[path] = (entry.mode if entry else _NEW_FILE, data)
        if not files:
            raise ValueError(f"a commit on {draft.parent} would change nothing")
        author = Person.parse(draft.author) if draft.author else None
        if draft.parent is None:
            return NewCommit((), draft.message, files, author=author)
        if draft.alone:
            tree_id = self._mirror.objects.tree_of(draft.parent)
            return NewCommit((), draft.message, files, tree_id, author)
        return NewCommit((draft.parent,), draft.message, files, author=author)

    def push(self, moves: Sequence[RefMove]) -> None:
        self._mirror.push(moves)


def _place(tree: GitTree, path: str) -> Entry | None:
    """What stands at a path where a file shall be written; InputError where it can't."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise InputError("is no path of a file in a repository", where=Where(path))
    entry = tree.find(path)
    if entry is not None and entry.mode in (SYMLINK, SUBMODULE):
        what = "symbolic link" if entry.mode == SYMLINK else "submodule"
        raise InputError(
            f"is a {what}; the bot writes regular files only: name the real file's path",
            where=Where(path),
        )
    if entry is None and tree.has_directory(path):
        raise InputError("is a directory: name a file in it", where=Where(path))
    for end in range(1, len(parts)):
        if tree.find(above := "/".join(parts[:end])) is not None:
            raise InputError(f"{above} is no directory: name the real path", where=Where(path))
    return entry


def _directory(path: str) -> str:
    """A path as git writes it: `apps/web/` is `apps/web`, `.` and `/` are the root."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _blob_id(data: bytes, *, like: str) -> str:
    """The blob id of content (gitformat: "blob SIZE NUL" before it), hashed as `like` was."""
    content = b"blob %d\0%s" % (len(data), data)
    if len(like) == 64:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()

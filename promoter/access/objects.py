"""Objects of a bare repository: read in batches, written without a work tree."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from promoter.access.git import Git
from promoter.errors import ConflictError, InputError
from promoter.model.ports import BlobChange, Entry

SUBMODULE = "160000"
SYMLINK = "120000"
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HEADER = "%x01%H%x00%P%x00%ct%x00%ce%x00%an <%ae>%x00%s%x00%B"
_HEADER_FIELDS = 7
_PERSON = re.compile(r"(?P<name>[^<>]*[^<>\s])\s*<(?P<email>[^<>\s]+)>")
_RAW = ("--raw", "-z", "--no-renames", "--no-abbrev", "--no-color", "--no-ext-diff")


@dataclass(frozen=True)
class Person:
    """Who makes a commit. git keeps no `<`, `>` or line break in either part."""

    name: str
    email: str

    def __post_init__(self) -> None:
        if not self.email or re.search(r"[<>\x00-\x1f]", self.name + self.email):
            raise InputError(
                f"{self.name!r} with {self.email!r} can't sign a commit: give a name and an email"
                " without '<', '>' and line breaks"
            )

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `NAME <EMAIL>`; InputError where it is something else."""
        match = _PERSON.fullmatch(text.strip())
        if match is None:
            raise InputError(f"{text!r} names no person: write 'NAME <EMAIL>'")
        return cls(match["name"], match["email"])


@dataclass(frozen=True)
class LoggedCommit:
    """A commit as `git log` tells it; `changes` against the first parent, `at` in UTC."""

    commit: str
    parents: tuple[str, ...]
    at: datetime
    committer: str
    """The committer's email."""
    author: str
    """`NAME <EMAIL>`."""
    subject: str
    message: str
    changes: tuple[BlobChange, ...]


@dataclass(frozen=True)
class NewCommit:
    """A commit to write: the tree `tree` or else that of the first parent, `files` laid over it.

    `files` maps a path to its git mode and bytes, None to take it away. The first of `parents` is
    the one that `git log --first-parent` follows. `author` None: whoever writes it.
    """

    parents: tuple[str, ...]
    message: str
    files: Mapping[str, tuple[str, bytes] | None] = field(default_factory=dict)
    tree: str | None = None
    author: Person | None = None


@dataclass(frozen=True)
class Objects:
    """The object database behind `git`; thread-safe. Paths that are no UTF-8 keep their bytes
    as surrogates.

    Whatever can't be read raises MirrorDamagedError: all ids come from refs and trees of the
    mirror, so an absent object is the mirror's fault.
    """

    git: Git

    def read(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        """The bytes of objects by id."""
        found: dict[str, bytes] = {}
        for name, data in self._batch([check_id(each) for each in ids]):
            if data is None:
                raise self.git.failure(f"the object {name} is missing")
            found[name] = data
        return found

    def read_at(self, path: str, commits: Iterable[str]) -> Mapping[str, bytes]:
        """The bytes of one path in many commits; a commit that lacks the path is left out."""
        found: dict[str, bytes] = {}
        for name, data in self._batch([f"{check_id(commit)}:{path}" for commit in commits]):
            commit = name.partition(":")[0]
            if data is not None:
                found[commit] = data
            # git says "missing" as well where the tree or the blob is lost.
            elif self.git.read("ls-tree", "-z", "--full-tree", commit, "--", path):
                raise self.git.failure(f"the object {name} is missing")
        return found

    def _batch(self, names: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        wanted = tuple(dict.fromkeys(names))
        if not wanted:
            return
        given = "".join(f"{name}\n" for name in wanted).encode("utf-8", "surrogateescape")
        out = self.git.read("cat-file", "--batch", given=given)
        at = 0
        for name in wanted:
            end = out.index(b"\n", at)
            words = out[at:end].split(b" ")
            at = end + 1
            if len(words) == 3 and words[2].isdigit():
                size = int(words[2])
                yield name, out[at : at + size]
                at += size + 1
            else:
                yield name, None

    def listing(self, commit: str, like: Iterable[Entry] = ()) -> tuple[Entry, ...]:
        """Every file, symbolic link and submodule of a commit, sorted by path. What is the same in
        another listing, `like`, is kept in memory once."""
        known = {entry.path: entry for entry in like}
        entries = []
        # In pieces: there may be hundreds of thousands.
        for line in _split(self.git.stream("ls-tree", "-r", "-z", "--full-tree", check_id(commit))):
            fields, _, path = line.partition("\t")
            mode, _, blob = fields.split(" ")
            entry = known.get(path)
            if entry is None or (entry.blob, entry.mode) != (blob, mode):
                entry = Entry(path, blob, sys.intern(mode))
            entries.append(entry)
        return tuple(sorted(entries, key=lambda entry: entry.path))

    def first_parents(self, commit: str, under: Sequence[str] = ()) -> Iterator[LoggedCommit]:
        """First-parent history, newest first, read while it is asked for; only commits that
        touch `under` (paths, not patterns), all where that is empty."""
        paths = ("--", *under) if under else ()
        return self._log("--first-parent", "--diff-merges=first-parent", check_id(commit), *paths)

    def between(self, base: str, head: str) -> tuple[LoggedCommit, ...]:
        """The commits of `head` that `base` lacks, newest first."""
        chosen = f"{check_id(base)}..{check_id(head)}"
        return tuple(self._log("--diff-merges=first-parent", "--topo-order", chosen))

    def only(self, commit: str) -> LoggedCommit:
        """One commit by itself."""
        return next(self._log("--no-walk", "--diff-merges=first-parent", check_id(commit)))

    def _log(self, *arguments: str) -> Iterator[LoggedCommit]:
        pieces = self.git.stream("log", *_RAW, "--root", f"--format={_HEADER}", *arguments)
        tokens = _split(pieces)
        token = next(tokens, None)
        while token is not None:
            if not token.startswith("\x01"):
                token = next(tokens, None)
                continue
            header = [token[1:], *(next(tokens, "") for _ in range(_HEADER_FIELDS - 1))]
            changes = []
            while (token := next(tokens, None)) is not None and not token.startswith("\x01"):
                if token.lstrip("\n").startswith(":"):
                    changes.append(_change(token.lstrip("\n")[1:].split(" "), next(tokens, "")))
            commit, parents, seconds, email, author, subject, message = header
            yield LoggedCommit(
                commit,
                tuple(parents.split()),
                datetime.fromtimestamp(int(seconds), UTC),
                email,
                author,
                subject,
                message,
                tuple(change for change in changes if change.before != change.after),
            )

    def tree_of(self, commit: str) -> str:
        """The id of a commit's tree."""
        return (
            self.git.read("rev-parse", "--verify", f"{check_id(commit)}^{{tree}}").decode().strip()
        )

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor; None where the two histories have none."""
        answer = self.git.run("merge-base", check_id(one), check_id(other))
        if answer.status > 1:
            raise self.git.failure(answer.stderr)
        return answer.stdout.decode().strip() or None

    def changes(self, before: str, after: str) -> tuple[BlobChange, ...]:
        """Every path whose blob differs between two commits."""
        out = self.git.read("diff-tree", "-r", *_RAW, check_id(before), check_id(after))
        tokens = iter(out.decode("utf-8", "surrogateescape").split("\0"))
        found = [_change(token[1:].split(" "), next(tokens)) for token in tokens if token]
        return tuple(change for change in found if change.before != change.after)

    def merge_trees(self, ours: str, theirs: str) -> str:
        """The tree of a three-way merge; ConflictError names the files that conflict."""
        answer = self.git.run(
            *("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"),
            *("--allow-unrelated-histories", check_id(ours), check_id(theirs)),
        )
        tree, *files = answer.stdout.decode("utf-8", "replace").rstrip("\0").split("\0")
        if answer.status == 1 and files:
            raise ConflictError(f"conflicts with base in {', '.join(sorted(set(files)))}")
        if answer.status == 129:
            raise InputError("git is too old to merge without a work tree: install 2.38 or newer")
        if answer.status:
            raise self.git.failure(answer.stderr)
        return tree

    def write(self, commits: Sequence[NewCommit], by: Person, at: datetime) -> tuple[str, ...]:
        """Write commits with one `fast-import`; no ref sees them. Ids in the order given."""
        if not commits:
            return ()
        stream = b"".join(_import(commit, by, at) for commit in commits) + b"done\n"
        # --force: the one name that carries every commit inside the stream may jump.
        out = self.git.read("fast-import", "--quiet", "--done", "--force", given=stream)
        return tuple(out.decode().split())


def _import(commit: NewCommit, by: Person, at: datetime) -> bytes:
    """A fast-import stream that makes one commit, prints its id and forgets its name."""
    first, *others = (*commit.parents,) or (None,)
    lines = [b"commit refs/promoter-draft\nmark :1\n"]
    lines += [
        f"{role} {who} {int(at.timestamp())} +0000\n".encode()
        for role, who in (("author", commit.author or by), ("committer", by))
    ]
    message = commit.message.encode()
    lines.append(b"data %d\n%s\n" % (len(message), message))
    if first:
        lines.append(f"from {check_id(first)}\n".encode())
    lines += [f"merge {check_id(other or '')}\n".encode() for other in others]
    if commit.tree:
        lines.append(f'M 040000 {check_id(commit.tree)} ""\n'.encode())
    lines += [b"D %s\n" % _quoted(each) for each, made in commit.files.items() if made is None]
    written = {path: made for path, made in commit.files.items() if made is not None}
    for path, (mode, data) in sorted(written.items()):
        lines.append(b"M %s inline %s\n" % (mode.encode(), _quoted(path)))
        lines.append(b"data %d\n%s\n" % (len(data), data))
    # A reset without `from` leaves the name unborn, so that the end of the stream writes no ref.
    lines.append(b"\nget-mark :1\nreset refs/promoter-draft\n\n")
    return b"".join(lines)


def _quoted(path: str) -> bytes:
    """A path in C style, as git-fast-import(1) reads it."""
    raw = path.encode("utf-8", "surrogateescape")
    return (
        b'"'
        + b"".join(
            bytes([each]) if 32 <= each < 127 and each not in b'"\\' else b"\\%03o" % each
            for each in raw
        )
        + b'"'
    )


def _split(pieces: Iterator[bytes]) -> Iterator[str]:
    """NUL-terminated tokens out of a stream that is cut anywhere."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\0")
        for token in whole:
            yield token.decode("utf-8", "surrogateescape")


def _change(fields: Sequence[str], path: str) -> BlobChange:
    before_mode, after_mode, before, after, _ = fields
    return BlobChange(path, _blob(before_mode, before), _blob(after_mode, after))


def _blob(mode: str, blob: str) -> str | None:
    return None if mode in ("000000", SUBMODULE) else blob


def check_id(text: str) -> str:
    """`text` itself, where it is a whole object id; else ValueError: ids come from git."""
    if not _ID.fullmatch(text):
        raise ValueError(f"{text!r} is no object id")
    return text

"""The hold files of a repository, by commit: read, each once by its blob, and written."""

from __future__ import annotations

from promoter.access.recent import Recent
from promoter.errors import InputError, Where
from promoter.model.hold import FOLDER, Hold, Holds
from promoter.model.ports import Repository, Tree
from promoter.model.target import FileChange
from promoter.rules.hold_edits import append_hold, replace_hold
from promoter.rules.holds import ENDINGS, broken_file, is_hold_file, path_of, read_holds

_FILES = 10_000


class HoldFiles:
    """A repository without holds costs nothing."""

    def __init__(self) -> None:
        self._read: Recent[tuple[str, str], Holds] = Recent(_FILES)

    def read(self, repository: Repository, commit: str) -> Holds:
        entries = [e for e in repository.tree(commit).list(FOLDER) if is_hold_file(e.path)]
        regular = {each.path: each.blob for each in entries if each.mode.startswith("100")}
        found = {path: self._read.get((path, blob)) for path, blob in regular.items()}
        missing = {regular[path] for path, holds in found.items() if holds is None}
        contents = repository.blobs(missing) if missing else {}
        holds: list[Holds] = []
        for each in entries:
            if each.path not in regular:
                why = "is no regular file: put one in the place of the link"
                holds.append(broken_file(each.path, why))
                continue
            known = found[each.path]
            if known is None:
                made = read_holds(each.path, contents[each.blob])
                known = self._read.put((each.path, each.blob), made)
            holds.append(known)
        return Holds.together(holds)


def write_hold(tree: Tree, hold: Hold, before: Hold | None = None) -> tuple[Hold, FileChange]:
    """The hold as it reads once it is written, and its file with it: in the place of `before`, else
    at the end of the file that its names call for.

    Raises InputError where that file can't take it.
    """
    usual = path_of(hold.applications, hold.environments)
    path = _standing_file(tree, before.where.file if before else usual)
    content = tree.read([path]).get(path, b"")
    try:
        made = replace_hold(content, before, hold) if before else append_hold(content, hold, path)
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text: mend or delete it first", where=Where(path)) from None
    reads = read_holds(path, made)
    written = next((each for each in reads.standing if each.is_same(hold)), None)
    if written is None or len(reads.broken) > len(read_holds(path, content).broken):
        raise InputError(
            "can't take another hold, for what stands there: mend or delete it first",
            where=Where(path),
        )
    return written, FileChange(path, content, made)


def _standing_file(tree: Tree, path: str) -> str:
    """The file of this name with whatever ending it stands."""
    names = (f"{path.rpartition('.')[0]}{ending}" for ending in ENDINGS)
    return next((name for name in names if tree.list(name)), path)

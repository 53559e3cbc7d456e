"""The hold files of a repository, by commit; each read once, by its blob."""

from __future__ import annotations

from promoter.access.recent import Recent
from promoter.model.hold import FOLDER, Holds
from promoter.model.ports import Repository
from promoter.rules.holds import broken_file, is_hold_file, read_holds

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

"""Rule files that lie in a Git repository.

They are read from its default branch, which is protected, and never from a branch under change: a
merge request has no say in what is promoted before it is merged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promoter.errors import InputError, Where
from promoter.model.ports import Repository, Tree

PLACES = (".promoter/rules", "rules")
"""Where they are looked for, in this order, if nobody says where they lie."""
_ENDINGS = (".yaml", ".yml")


def read_rule_files(
    repository: Repository, url: str, paths: Sequence[str]
) -> tuple[Mapping[str, str], tuple[InputError, ...]]:
    """Every rule file (`URL//path` -> text) that is, or lies directly in, one of `paths`; the first
    of PLACES that has any where `paths` is empty; and those that are no text.

    Raises InputError where there is none, and what looking at the remote raises.
    """
    refs = repository.refresh()
    branch = repository.default_branch()
    tree = repository.tree(refs[f"refs/heads/{branch}"])
    root = f"{url.rstrip('/')}//"
    found = _find(tree, root, paths, branch)
    contents = tree.read(found)
    files: dict[str, str] = {}
    errors: list[InputError] = []
    for path in found:
        try:
            files[f"{root}{path}"] = contents[path].decode("utf-8")
        except UnicodeDecodeError:
            errors.append(InputError("is not UTF-8 text", where=Where(f"{root}{path}")))
    return files, tuple(errors)


def _find(tree: Tree, root: str, paths: Sequence[str], branch: str) -> list[str]:
    found: dict[str, None] = {}
    for path in paths:
        inside = path.rstrip("/")
        if inside.startswith("/"):
            raise InputError(
                f"--rules (or PROMOTER_RULES) {path}: with --repository, name a path inside of it"
            )
        if not tree.list(inside):
            message = f"no such rule file or directory on the branch {branch}"
            raise InputError(message, where=Where(f"{root}{inside}"))
        found.update(dict.fromkeys(_rule_files(tree, inside)))
    if not paths:
        found.update(dict.fromkeys(next(filter(None, (_rule_files(tree, p) for p in PLACES)), ())))
    if not found:
        places = ", ".join(f"{root}{path}" for path in paths or PLACES)
        raise InputError(
            f"there is no rule file (*.yaml, *.yml) directly in {places}, on the branch {branch}"
        )
    return list(found)


def _rule_files(tree: Tree, path: str) -> list[str]:
    """The file itself, or the rule files directly in the directory."""
    folder = "" if path in ("", ".") else f"{path}/"
    return [
        each.path
        for each in tree.list(path)
        if each.mode.startswith("100") and (each.path == path or _is_directly_in(folder, each.path))
    ]


def _is_directly_in(folder: str, path: str) -> bool:
    name = path.removeprefix(folder)
    return "/" not in name and name.endswith(_ENDINGS)

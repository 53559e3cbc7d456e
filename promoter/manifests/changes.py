"""What can be done to a file: give a scalar another value, add a key, add an `images:` entry."""

from __future__ import annotations

from dataclasses import dataclass

from promoter.manifests.nodes import Path


@dataclass(frozen=True)
class SetScalar:
    """Give the scalar at `path` another value; an empty one is filled.

    `explicit`: a person named this very path. Then a template expression (`${TAG}`,
    `{{ .tag }}`) in the old value is no reason to refuse, and a whole number or a truth value
    stays one.
    """

    document: int
    path: Path
    value: str
    explicit: bool = False


@dataclass(frozen=True)
class InsertKey:
    """Put a new key after its sibling at `path`, in the same mapping."""

    document: int
    path: Path
    key: str
    value: str


@dataclass(frozen=True)
class InsertImage:
    """Put a new entry after the last one of a kustomization's `images:`, or begin that list.

    `name` is the image as the bases spell it: kustomize compares the text.
    """

    document: int
    name: str
    tag: str | None = None
    digest: str | None = None
    new_name: str | None = None

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Keys and values, in the order in which people write them."""
        pairs = (
            ("name", self.name),
            ("newName", self.new_name),
            ("newTag", self.tag),
            ("digest", self.digest),
        )
        return tuple((key, value) for key, value in pairs if value is not None)


Change = SetScalar | InsertKey | InsertImage

"""What `promoter edit` would change: computed and proved before the first byte is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from promoter.access.files import Content, read_file, why_not_replaceable
from promoter.access.listing import Found
from promoter.cli.edit_changes import ScalarChange, changes_between, documents_holding
from promoter.errors import InputError, Where
from promoter.manifests import Setting, find_sites, near_misses, set_images, set_values
from promoter.manifests.events import Stream, parse
from promoter.manifests.nodes import steps
from promoter.model.image import ImageReference
from promoter.model.target import Problem

_MISSES_TOLD = 5


class Wishes(NamedTuple):
    """What every file is brought to. `shared` says yes to values that aliases show elsewhere."""

    images: tuple[ImageReference, ...]
    settings: tuple[Setting, ...]
    shared: bool = False


class FileEdit(NamedTuple):
    old: Content
    new: bytes
    changes: tuple[ScalarChange, ...]


class EditPlan(NamedTuple):
    """The files that change, or, where anything is refused, would have changed."""

    edits: tuple[FileEdit, ...]
    refused: tuple[Problem, ...]


def plan_edits(files: Iterable[Found], wishes: Wishes) -> EditPlan:
    """Raises ConflictError where a file is gone since it was found."""
    planner = _Planner(wishes)
    count = 0
    for found in files:
        count += 1
        planner.take(found)
    planner.miss(count)
    return EditPlan(tuple(planner.edits), tuple(planner.refused))


class _Refused(Exception):  # noqa: N818 - the reasons of one file, never seen outside
    def __init__(self, *problems: Problem) -> None:
        super().__init__(problems)
        self.problems = problems


class _Planner:
    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.edits: list[FileEdit] = []
        self.refused: list[Problem] = []
        # Where an image that nothing has granted yet may be named, exactly or nearly.
        self.unmet: dict[ImageReference, list[Content]] = {each: [] for each in wishes.images}
        self.unset = dict.fromkeys(wishes.settings)

    def take(self, found: Found) -> None:
        try:
            old = read_file(found)
            new = self._edited(found, old)
        except InputError as error:
            self.refused.append(Problem(error.message, error.where))
        except _Refused as error:
            self.refused += error.problems
        else:
            if new == old.data:
                return
            why = why_not_replaceable(old)
            if why is None:
                self.edits.append(FileEdit(old, new, changes_between(old.shown, old.data, new)))
            else:
                self.refused.append(Problem(why, Where(old.shown)))

    def miss(self, count: int) -> None:
        """A wish that no file could grant is a slip, not a success."""
        read = "1 file was read" if count == 1 else f"{count} files were read"
        # What else is refused may be where it stands.
        where_else = [f"nothing stands at {each.pointer}; {read}" for each in self.unset]
        self.refused += [] if self.refused else [Problem(each) for each in where_else]
        for image, mentioning in self.unmet.items():
            near: list[Problem] = []
            for each in mentioning:
                if find_sites(each.shown, each.data, [image.name])[0]:
                    break  # here, and at that version already
                near += near_misses(each.shown, each.data, [image.name])
            else:
                self.refused.append(Problem(f"nothing names the image {image.name}; {read}"))
                self.refused += near[:_MISSES_TOLD]
                if len(near) > _MISSES_TOLD:
                    self.refused.append(Problem(f"{len(near) - _MISSES_TOLD} more are near"))

    def _edited(self, found: Found, old: Content) -> bytes:
        """The file with all wishes granted that concern it."""
        data = old.data
        for image, mentioning in self.unmet.items():
            if image.name.short.encode() in data:
                mentioning.append(old)
        settings = self._settings_for(found, data)
        new = self._with_images(found.shown, data, data)
        if not settings:
            return new
        after = self._with_values(found.shown, new, settings, data)
        if new not in (data, after):
            # Both did something: in the other order they must do the same.
            values_first = self._with_values(found.shown, data, settings, data)
            if self._with_images(found.shown, values_first, data) != after:
                why = "--image and --set want different values at one place; drop one of them"
                raise _Refused(Problem(why, Where(found.shown)))
        return after

    def _with_images(self, shown: str, data: bytes, original: bytes) -> bytes:
        problems: list[Problem] = []
        for image in self.wishes.images:
            done = set_images(shown, data, image, shared=self.wishes.shared)
            if done.problems:
                # Earlier edits may have moved lines: the reasons are told of the file as it is.
                again = set_images(shown, original, image, shared=self.wishes.shared)
                problems += again.problems or done.problems
                self.unmet.pop(image, None)
            elif done.changed:
                self.unmet.pop(image, None)
                data = done.content
        if problems:
            raise _Refused(*problems)
        return data

    def _settings_for(self, found: Found, data: bytes) -> tuple[Setting, ...]:
        """The settings that concern the file, each with its document.

        A person names a file because all of them do. Of a directory's manifests not each has
        every place, nor need it be one that parses.
        """
        settings = self.wishes.settings
        if not found.named:
            settings = tuple(each for each in settings if _may_hold(data, each.pointer))
        if not settings:
            return ()
        try:
            stream = parse(found.shown, data)
        except InputError:
            if not found.named and b"{{" in data:
                return ()  # a chart's template
            raise
        meant = []
        for each in settings:
            holding = documents_holding(stream, each.pointer)
            if holding or found.named:
                self.unset.pop(each, None)
                meant.append(replace(each, document=_document(each, stream, holding)))
        return tuple(meant)

    def _with_values(
        self, shown: str, data: bytes, settings: Sequence[Setting], original: bytes
    ) -> bytes:
        try:
            return set_values(shown, data, settings, shared=self.wishes.shared)
        except InputError:
            set_values(shown, original, settings, shared=self.wishes.shared)
            raise


def _may_hold(data: bytes, pointer: str) -> bool:
    """Whether the bytes hold every key of the path; a file that lacks one is not parsed."""
    return all(step.isdecimal() or step.encode() in data for step in steps(pointer))


def _document(setting: Setting, stream: Stream, holding: Sequence[int]) -> int:
    """The document that is meant; raises InputError where there is none, or nobody can tell."""
    number, count = setting.document, len(stream.documents)
    if number is not None:
        if number >= count:
            counted = "1 document" if count == 1 else f"{count} documents"
            why = f"has {counted}, counted from 0: there is no document {number}"
            raise InputError(why, where=Where(stream.file))
        return number
    if len(holding) > 1:
        numbers = ", ".join(map(str, holding))
        why = (
            f"documents {numbers} (counted from 0) have {setting.pointer};"
            " say which with --document N"
        )
        raise InputError(why, where=Where(stream.file))
    return holding[0] if holding else 0

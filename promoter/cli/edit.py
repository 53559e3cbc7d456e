"""`promoter edit`: images and values in files, in place; no rule file, no network.

It starts fast on purpose: scripts call it once a file, as they call `sed -i`. So its imports are
few, and its values are named tuples, which are made eight times faster than dataclasses.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from promoter.access.files import replace_all
from promoter.access.listing import Listing, find_files
from promoter.access.redaction import redact
from promoter.cli import exit_codes
from promoter.cli.console import complain, paint_for
from promoter.cli.edit_changes import ScalarChange
from promoter.cli.edit_plan import EditPlan, Wishes, plan_edits
from promoter.errors import InputError
from promoter.manifests import Setting, is_manifest
from promoter.model.image import ImageReference
from promoter.model.target import FileChange, Problem
from promoter.texts.paint import printable

EXAMPLE = """\
  promoter edit overlays/production --image ghcr.io/shop/web:1.4.0
  promoter edit values.yaml --set /image/tag=1.4.0
  promoter edit all.yaml --set /metadata/name=web --document 1 --check --diff"""

_STRAY_TILDE = re.compile("~(?![01])")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, or directories of them")
    parser.add_argument(
        "--image",
        dest="images",
        action="append",
        default=[],
        type=_image,
        metavar="REF",
        help="bring every site of this image to NAME:TAG@DIGEST, as far as REF says",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        type=_setting,
        metavar="/POINTER=VALUE",
        help="give the scalar at this JSON pointer (RFC 6901) the value",
    )
    parser.add_argument(
        "--document",
        action=_Document,
        type=_number,
        metavar="N",
        help="which document the --set before it is for, counted from 0",
    )
    parser.add_argument(
        "--shared", action="store_true", help="also change values that aliases show elsewhere"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 2 where files would change"
    )
    parser.add_argument("--diff", action="store_true", help="show the unified diff, too")
    parser.add_argument(
        "--output", choices=("text", "json"), default="text", help="how to print (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    wishes = _wishes(arguments)
    listing = find_files(arguments.paths, is_manifest)
    plan = plan_edits(listing.files, wishes)
    refused = (*listing.refused, *plan.refused)
    writes = not (refused or arguments.check)
    if writes:
        replace_all([(each.old, each.new) for each in plan.edits])
    if arguments.output == "json":
        _print_json(plan, listing, refused, written=writes, diff=arguments.diff)
    else:
        _print_text(plan, listing, refused, diff=arguments.diff)
    if refused:
        return exit_codes.INPUT
    return exit_codes.CHANGES if arguments.check and plan.edits else exit_codes.DONE


def _image(text: str) -> ImageReference:
    try:
        image = ImageReference.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not image.suffix:
        raise argparse.ArgumentTypeError(f"{text!r} has no version; write NAME:TAG@DIGEST")
    return image


def _setting(text: str) -> Setting:
    """The first `=` ends the pointer: no key with one can be named."""
    pointer, equals, value = text.partition("=")
    if not equals or not pointer.startswith("/"):
        raise argparse.ArgumentTypeError(
            f"write /key/0/key=VALUE, a JSON pointer and a value, not {text!r}"
        )
    if _STRAY_TILDE.search(pointer):
        raise argparse.ArgumentTypeError(f"in the pointer {pointer!r} write ~ as ~0 and / as ~1")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not UTF-8") from None
    return Setting(pointer, value)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"documents are numbered from 0, not {text!r}")
    return int(text)


class _Document(argparse.Action):
    """Completes the `--set` that stands before it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        _option: str | None = None,
    ) -> None:
        settings: list[Setting] = namespace.settings
        if not settings or settings[-1].document is not None:
            parser.error("--document N belongs behind the --set that it is for")
        namespace.settings = [*settings[:-1], replace(settings[-1], document=values)]


def _wishes(arguments: argparse.Namespace) -> Wishes:
    """Raises InputError where there is none, or two that can't both be granted."""
    images = tuple(dict.fromkeys(arguments.images))
    settings = tuple(dict.fromkeys(arguments.settings))
    if not images and not settings:
        raise InputError("promoter edit: say what to edit: --image REF or --set /POINTER=VALUE")
    names = [each.name for each in images]
    places = [(each.pointer, each.document) for each in settings]
    for what, wished in (("--image", names), ("--set", places)):
        if len(set(wished)) < len(wished):
            raise InputError(f"promoter edit: {what} is given two values for one and the same")
    return Wishes(images, settings, arguments.shared)


def _print_text(
    plan: EditPlan, listing: Listing, refused: Sequence[Problem], *, diff: bool
) -> None:
    for note in listing.skipped:
        print(redact(f"note: {note}"), file=sys.stderr)
    for problem in refused:
        complain(printable(str(problem)))
    if refused:
        if plan.edits:
            complain(f"nothing was written, for that; {_files(len(plan.edits))} would have been")
        return
    for edit in plan.edits:
        for change in edit.changes:
            print(redact(printable(f"{edit.old.shown}:{change.line}  {_words(change)}")))
    if not plan.edits:
        print("nothing to do")
    if diff:
        from promoter.texts.diff import painted_diff

        for line in painted_diff(_changes(plan), paint_for(sys.stdout)):
            print(redact(line))


def _print_json(
    plan: EditPlan, listing: Listing, refused: Sequence[Problem], *, written: bool, diff: bool
) -> None:
    from promoter.texts.as_json import dump
    from promoter.texts.diff import diff_lines

    value: dict[str, Any] = {
        "written": written,
        "files": [
            {
                "path": edit.old.shown,
                "changes": [
                    {
                        "line": each.line,
                        "document": each.document,
                        "pointer": each.pointer,
                        "old": each.old,
                        "new": each.new,
                    }
                    for each in edit.changes
                ],
            }
            for edit in plan.edits
        ],
        "refusals": [_problem(each) for each in refused],
        "skipped": [_problem(each) for each in listing.skipped],
    }
    if diff:
        value["diff"] = "".join(f"{line}\n" for line in diff_lines(_changes(plan)))
    print(redact(dump(value)))


def _problem(problem: Problem) -> dict[str, str | None]:
    where = str(problem.where) if problem.where else None
    return {"where": where, "message": problem.message}


def _changes(plan: EditPlan) -> list[FileChange]:
    return [FileChange(each.old.shown.lstrip("/"), each.old.data, each.new) for each in plan.edits]


def _words(change: ScalarChange) -> str:
    if change.old is None:
        key = change.pointer.rpartition("/")[2]
        return f"(no {key}) -> {change.new}"
    return f"{change.old or '(empty)'} -> {change.new or '(empty)'}"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"

"""`promoter mr`: what a person does with the merge requests of the local forge."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
from dataclasses import asdict
from typing import get_args

from promoter.access.objects import Person
from promoter.access.redaction import redact
from promoter.app import App
from promoter.cli.console import paint_for
from promoter.cli.flags import add_output, add_rules, add_world, app_from
from promoter.cli.look import read_rules
from promoter.errors import InputError
from promoter.forges.local import LocalForge
from promoter.forges.local_document import COMMENTED
from promoter.forges.local_requests import Local
from promoter.model.ports import Check, CheckState, MergeRequest
from promoter.model.rule import RepositoryAddress
from promoter.model.target import FileChange
from promoter.texts.as_json import Json, dump, request_json
from promoter.texts.paint import printable
from promoter.texts.request_text import request_text, requests_text

EXAMPLE = """\
  promoter mr list
  promoter mr show 3
  promoter mr approve 3 --as "Alice <alice@example.com>"
  promoter mr label 3 promoter/hold
  promoter mr comment 3 "after the sale, please"
  promoter mr check 3 smoke-test success --text "12 passed"
  promoter mr merge 3
  promoter mr close 3 --reason "breaks the checkout" """

_PERSON = re.compile(r"(?P<name>[^<>]*)<(?P<email>[^<>]+)>\s*")
_ACTIONS = {
    "list": "the open ones",
    "show": "one of them, with its diff",
    "approve": "say yes to its head",
    "merge": "merge it",
    "close": "close it, with the --reason",
    "label": "add the label NAME",
    "unlabel": "take the label NAME away",
    "ready": "make a draft ready to be merged",
    "draft": "make it a draft, which nobody can merge",
    "comment": "say TEXT on it",
    "check": "report the check NAME of its head, or of what its merge made, as STATE (success,"
    " pending or failure)",
}
_OF_ONE = frozenset(_ACTIONS) - {"list"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The flags that all actions share may stand on either side of the action."""
    _add_shared(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, what in _ACTIONS.items():
        action = actions.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        action.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,
            help="log everything, show tracebacks",
        )
        if name in _OF_ONE:
            action.add_argument("number", type=int, metavar="NUMBER")
        _add_own(name, action)
        _add_shared(action)


def _add_own(name: str, action: argparse.ArgumentParser) -> None:
    match name:
        case "list":
            action.add_argument(
                "--all", action="store_true", default=False, help="those that ended as well"
            )
        case "close":
            action.add_argument("--reason", default="closed by hand", help="why")
        case "label" | "unlabel":
            action.add_argument("name", type=_filled, metavar="NAME")
        case "comment":
            action.add_argument("text", type=_filled, metavar="TEXT")
        case "check":
            action.add_argument("name", type=_filled, metavar="NAME")
            action.add_argument("state", choices=get_args(CheckState), metavar="STATE")
            action.add_argument("--text", default="", help="one line on what was found")
            action.add_argument("--url", default="", help="where to read more")


def _filled(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty")
    return redact(text.strip())


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--repository", metavar="URL", help="the repository (default: the one the rules name)"
    )
    parser.add_argument(
        "--as", dest="person", metavar="PERSON", help="who you are: NAME or 'NAME <EMAIL>'"
    )
    add_rules(parser)
    add_world(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    app = app_from(arguments)
    url = arguments.repository or _only_repository(app)
    forge = app.local_forge(url)
    as_json = app.settings.output == "json"
    if arguments.action == "list":
        print(redact(_listed(forge, arguments.all, as_json)))
        return 0
    local = forge.show(arguments.number)
    if arguments.action == "show":
        print(redact(_shown(app, url, forge, local, as_json)))
        return 0
    _act(forge, local, arguments, _person(app))
    local = forge.show(arguments.number)
    view = forge.view(local)
    if as_json:
        print(redact(dump(_request_json(view))))
    else:
        told = printable(f"!{view.number} {_told(forge, local, view, arguments)}: {view.title}")
        print(redact(told))
    return 0


def _act(forge: LocalForge, local: Local, arguments: argparse.Namespace, person: Person) -> None:
    """Acts on the head that was just read: what is pushed meanwhile is not approved unseen."""
    state, merge = local.document.state, local.document.merge_commit
    if state != "open" and not (arguments.action == "check" and merge):
        raise InputError(f"!{local.number} is {state} already: only an open one can be changed")
    number, head = local.number, forge.view(local).head
    match arguments.action:
        case "approve":
            forge.approve(number, head, person)
        case "merge":
            forge.merge(number, head, person=person)
        case "close":
            forge.close(number, redact(arguments.reason), person)
        case "label":
            forge.label(number, arguments.name, person)
        case "unlabel":
            forge.unlabel(number, arguments.name, person)
        case "ready" | "draft":
            forge.mark(number, draft=arguments.action == "draft", person=person)
        case "comment":
            forge.say(number, arguments.text, person)
        case "check":
            text, url = redact(arguments.text), redact(arguments.url)
            check = Check(arguments.name, arguments.state, text, url)
            forge.publish(number, merge or head, check, person)


def _told(
    forge: LocalForge, local: Local, view: MergeRequest, arguments: argparse.Namespace
) -> str:
    """What came of it, in a few words."""
    match arguments.action:
        case "approve":
            return f"approved by {', '.join(forge.approvers(local))}"
        case "label" | "unlabel":
            return f"labels: {', '.join(view.labels) or 'none'}"
        case "ready" | "draft":
            return "is a draft" if view.draft else "is ready"
        case "comment":
            return "commented"
        case "check":
            at = local.document.merge_commit or view.head
            return f"{arguments.name} is {arguments.state} at {at[:8]}"
    return view.state


def _listed(forge: LocalForge, everything: bool, as_json: bool) -> str:
    found = [each for each in forge.list() if everything or each.document.state == "open"]
    views = [forge.view(each) for each in found]
    if as_json:
        return dump({"merge_requests": [_request_json(each) for each in views]})
    return requests_text(views, paint_for(sys.stdout))


def _request_json(view: MergeRequest) -> Json:
    return {**request_json(view), "draft": view.draft, "labels": list(view.labels)}


def _shown(app: App, url: str, forge: LocalForge, local: Local, as_json: bool) -> str:
    view, document = forge.view(local), local.document
    approvers = tuple(forge.approvers(local))
    checks = document.checks_of(view.head)
    if document.merge_commit:
        checks += document.checks_of(document.merge_commit)
    if as_json:
        more = {
            "body": view.body,
            "approved_by": list(approvers),
            "needed": document.needed,
            "reviewers": list(document.reviewers),
            "assignees": list(document.assignees),
            "checks": [asdict(each) for each in checks],
            "comments": [
                {"by": each.person, "at": each.at, "text": each.detail}
                for each in document.comments()
            ],
        }
        return dump({**_request_json(view), **more})
    events = [
        f"{each.at}  {each.what} by {each.person}" + (f": {each.detail}" if each.detail else "")
        for each in document.events
        if each.what != COMMENTED
    ]
    return request_text(
        view,
        approvers,
        document.needed,
        events,
        _diff(app, url, view) if view.state == "open" else (),
        paint_for(sys.stdout),
        reviewers=document.reviewers,
        assignees=document.assignees,
        checks=checks,
        comments=[(f"{e.at}  {e.person} said:", e.detail) for e in document.comments()],
    )


def _diff(app: App, url: str, request: MergeRequest) -> list[FileChange]:
    """What the open merge request changes in its base as it is now."""
    repository = app.adapters.repository(RepositoryAddress(url, request.base, "local"))
    base = repository.refresh().get(f"refs/heads/{request.base}")
    branch = repository.branch(request.branch, base) if base else None
    if base is None or branch is None:
        return []
    before = repository.tree(base).read([path for path, _ in branch.files])
    return [FileChange(path, before.get(path, b""), after or b"") for path, after in branch.files]


def _only_repository(app: App) -> str:
    rules, _ = read_rules(app)
    addresses = (address for rule in rules for address in rule.repositories)
    urls = sorted({each.url for each in addresses if each.forge == "local"})
    if len(urls) != 1:
        found = f"the rules name {', '.join(urls)}" if urls else "no rule names one"
        raise InputError(f"promoter mr: give --repository URL; {found} with the local forge")
    return urls[0]


def _person(app: App) -> Person:
    """Who acts: --as, the setting, or the login name. InputError where it would be the bot: what
    a person says must count as a person's word."""
    text = app.settings.person or _login_name()
    match = _PERSON.fullmatch(text)
    if match:
        person = Person(match["name"].strip() or match["email"], match["email"])
    else:
        address = text if "@" in text else f"{text.replace(' ', '.')}@localhost"
        person = Person(text, address)
    if person.email.casefold() == app.settings.bot_email.casefold():
        raise InputError(
            f"promoter mr: {person.email} is the bot's own address: say who you are with"
            " --as 'NAME <EMAIL>'"
        )
    return person


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry; OSError since Python 3.13
        raise InputError(
            "promoter mr: this user has no login name: say who you are with --as 'NAME <EMAIL>'"
        ) from None

"""`promoter mr`: what a person does with the merge requests of the local forge."""

from __future__ import annotations

import argparse
import getpass
import re
import sys

from promoter.access.objects import Person
from promoter.access.redaction import redact
from promoter.app import App
from promoter.cli.console import paint_for
from promoter.cli.flags import add_output, add_rules, add_world, app_from
from promoter.cli.look import read_rules
from promoter.errors import InputError
from promoter.forges.local import Local, LocalForge
from promoter.model.ports import MergeRequest
from promoter.model.rule import RepositoryAddress
from promoter.model.target import FileChange
from promoter.texts.as_json import dump, request_json, requests_json
from promoter.texts.request_text import request_text, requests_text

EXAMPLE = """\
  promoter mr list
  promoter mr show 3
  promoter mr approve 3 --as "Alice <alice@example.com>"
  promoter mr merge 3
  promoter mr close 3 --reason "breaks the checkout" """

_PERSON = re.compile(r"(?P<name>[^<>]*)<(?P<email>[^<>]+)>\s*")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "show", "approve", "merge", "close"))
    parser.add_argument("number", nargs="?", type=int, metavar="NUMBER")
    parser.add_argument(
        "--repository", metavar="URL", help="the repository (default: the one the rules name)"
    )
    parser.add_argument("--all", action="store_true", help="list: those that ended as well")
    parser.add_argument(
        "--as", dest="person", metavar="PERSON", help="who you are: NAME or 'NAME <EMAIL>'"
    )
    parser.add_argument("--reason", default="closed by hand", help="close: why")
    add_rules(parser)
    add_world(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    app = app_from(arguments)
    url = arguments.repository or _only_repository(app)
    forge = app.local_forge(url)
    as_json = app.settings.output == "json"
    if arguments.action == "list":
        found = [each for each in forge.list() if arguments.all or each.document.state == "open"]
        views = [forge.view(each) for each in found]
        text = (
            dump(requests_json(views)) if as_json else requests_text(views, paint_for(sys.stdout))
        )
        print(redact(text))
        return 0
    if arguments.number is None:
        raise InputError(f"promoter mr {arguments.action}: give the NUMBER of the merge request")
    local = forge.show(arguments.number)
    if arguments.action == "show":
        print(redact(_shown(app, url, forge, local, as_json)))
        return 0
    _act(forge, local, arguments, _person(app))
    local = forge.show(arguments.number)
    view = forge.view(local)
    if as_json:
        print(redact(dump(request_json(view))))
    elif arguments.action == "approve":
        approvers = ", ".join(local.document.approvers(view.head))
        print(f"!{view.number} approved by {approvers}: {view.title}")
    else:
        print(f"!{view.number} {view.state}: {view.title}")
    return 0


def _act(forge: LocalForge, local: Local, arguments: argparse.Namespace, person: Person) -> None:
    """Acts on the head that was just read: what is pushed meanwhile is not approved unseen."""
    state = local.document.state
    if state != "open":
        raise InputError(f"!{local.number} is {state} already: only an open one can be changed")
    number, head = local.number, forge.view(local).head
    if arguments.action == "approve":
        forge.approve(number, head, person)
    elif arguments.action == "merge":
        forge.merge(number, head, person)
    else:
        forge.close(number, redact(arguments.reason), person)


def _shown(app: App, url: str, forge: LocalForge, local: Local, as_json: bool) -> str:
    view, document = forge.view(local), local.document
    approvers = tuple(document.approvers(view.head))
    if as_json:
        more = {"body": view.body, "approved_by": list(approvers), "needed": document.needed}
        return dump({**request_json(view), **more})
    events = [
        f"{each.at}  {each.what} by {each.person}" + (f": {each.detail}" if each.detail else "")
        for each in document.events
    ]
    diff = _diff(app, url, view) if view.state == "open" else ()
    return request_text(view, approvers, document.needed, events, diff, paint_for(sys.stdout))


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
    urls = sorted({rule.repository.url for rule in rules if rule.repository.forge == "local"})
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

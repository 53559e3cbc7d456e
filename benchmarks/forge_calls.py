"""How often a forge is asked in one reconcile, by kind, at 1, 100 and 1,000 applications.

The forges are fakes that log each request. `list`: merge requests, page by page, and before one is
opened the question whether its branch has one; `footing`: how the bot stands there (rights,
protection, edition), remembered for five minutes; `reads`: all other reads; `writes`: all that
changes something. `git` are the requests of git over HTTP, each first one without a password.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.forge_shop import FORGES, Served, Shop, names, open_shop
from benchmarks.timing import CommandError
from promoter.app import App
from promoter.engine.reconcile import Scope, reconcile

_COUNTS = (1, 100, 1000)
_UPDATES = 10
_FRESH, _RUNNING = "nothing to do, fresh process", "nothing to do, running one"
_IDLE = (_FRESH, _RUNNING)
_APPROVED = "  dev: {require: [approvals: 1]}\n"


@dataclass(frozen=True)
class Row:
    what: str
    listed: int
    footing: int
    reads: int
    writes: int
    git: int


def main() -> int:
    try:
        for forge in FORGES:
            print(f"{'calls of one reconcile on ' + forge:<60}", end="")
            print("".join(f"{each:>8}" for each in ("list", "footing", "reads", "writes", "git")))
            rows: dict[str, list[Row]] = {}
            for count in _COUNTS:
                with tempfile.TemporaryDirectory() as folder:
                    for row in _count(Path(folder) / "shop", forge, count):
                        rows.setdefault(row.what, []).append(row)
                        _show(f"{count:>5} {'applications' if count > 1 else 'application'}", row)
            for what in _IDLE:
                asked = {(each.listed, each.footing, each.reads) for each in rows[what]}
                print(f"{what}: {'constant, met' if len(asked) == 1 else 'grows, MISSED'}")
            print()
    except CommandError as error:
        print(f"forge_calls: nothing measured: {error}", file=sys.stderr)
        return 1
    return 0


def _show(where: str, row: Row) -> None:
    figures = (row.listed, row.footing, row.reads, row.writes, row.git)
    print(f"{where + ', ' + row.what:<60}" + "".join(f"{each:>8}" for each in figures))


def _count(folder: Path, forge: str, count: int) -> Iterator[Row]:
    """The story of a shop: nothing to do, then updates, then those wait for a person."""
    with open_shop(folder, forge, [(name, "dev") for name in names(count)]) as (shop, served):
        footing = _paths_of_footing(shop, served)
        app = shop.app("one")
        yield _reconcile(_FRESH, app, served, footing, 0)
        yield _reconcile(_RUNNING, app, served, footing, 0)
        some = min(count, _UPDATES)
        shop.publish("1.1.0", names(some))
        opened = f"{some} opened, running one"
        yield _reconcile(opened, app, served, footing, some)
        waiting = f"{some} open, running one"
        yield _reconcile(waiting, app, served, footing, 0)
        yield _reconcile(f"{some} open, fresh process", shop.app("two"), served, footing, 0)
        app = shop.app("three", _APPROVED)
        reconcile(Scope(app.rules()[0]), app.adapters, app.clock)
        judged = f"{some} open for approval, running one"
        yield _reconcile(judged, app, served, footing, 0)


def _paths_of_footing(shop: Shop, served: Served) -> frozenset[str]:
    """What a forge is asked about how the bot stands, and for nothing else."""
    app = shop.app("footing")
    (rule,) = app.rules()[0]
    before = len(served.calls)
    app.adapters.forge(rule.repository).footing("main")
    return frozenset(served.calls[before:])


def _reconcile(what: str, app: App, served: Served, footing: frozenset[str], effects: int) -> Row:
    calls, git = len(served.calls), len(served.git)
    outcome = reconcile(Scope(app.rules()[0]), app.adapters, app.clock)
    troubles = [str(each) for each in (*outcome.troubles, *outcome.plan.troubles)]
    if troubles or outcome.warnings or len(outcome.effects) != effects:
        raise CommandError(f"{what}: {len(outcome.effects)} effects, {troubles}")
    new = served.calls[calls:]
    kinds = [_kind(each, served, footing) for each in new]
    listed, stands, reads, writes = map(kinds.count, ("list", "footing", "read", "write"))
    return Row(what, listed, stands, reads, writes, len(served.git) - git)


def _kind(call: str, served: Served, footing: frozenset[str]) -> str:
    if call in footing:
        return "footing"
    if not call.startswith("GET "):
        return "write"
    return "list" if served.is_list(call) else "read"


if __name__ == "__main__":
    sys.exit(main())

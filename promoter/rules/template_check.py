"""Whether a template says only what it may, found before it ever runs.

Every node of the parsed template is on a short list of what is allowed, every expression has a
type, and the steps that it can take at most are counted. Importing this module imports Jinja.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import TemplateSyntaxError, nodes

from promoter.rules.template import MOST_CHARACTERS, MOST_ITEMS, Purpose, Spelling, is_unicode
from promoter.rules.template_sandbox import Sandbox
from promoter.rules.template_values import LOOP, VALUES, Fields, ListOf, Type
from promoter.rules.wording import guess, printable, quote

_MOST_STEPS = 50_000
_MOST_LEVELS = 25
_LARGEST_NUMBER = 10_000
_PLAIN = Spelling(str, str)

# The types of each filter's arguments, and what it makes.
FILTER_TYPES: Mapping[str, tuple[tuple[type, ...], Type]] = {
    "upper": ((), "text"),
    "lower": ((), "text"),
    "capitalize": ((), "text"),
    "trim": ((), "text"),
    "replace": ((str, str), "text"),
    "default": ((str,), "text"),
    "truncate": ((int,), "text"),
    "join": ((str,), "text"),
    "length": ((), "number"),
    "code": ((), "markup"),
}
_REFUSED: Mapping[type[nodes.Node], str] = {
    nodes.Call: "nothing can be called in a template",
    nodes.Test: "`is` is not supported: every value is always there, and empty where unknown",
    nodes.Assign: "`set` is not supported: write the expression where it is needed",
    nodes.AssignBlock: "`set` is not supported: write the expression where it is needed",
    nodes.Add: "there is no arithmetic: `~` joins texts",
    nodes.BinExpr: "there is no arithmetic in a template",
    nodes.FilterBlock: "write the filter behind an expression: `{{ release.label | upper }}`",
    nodes.Dict: "only the given values can be used",
    nodes.List: "a list stands behind `in` only: `environment in ['qa', 'production']`",
}


def check(text: str, purpose: Purpose) -> None:
    """ValueError says what is wrong, in which line where there are several."""
    try:
        tree = Sandbox(_PLAIN).parse(text)
        checker = _Checker(purpose)
        checker.statements(tree.body, VALUES[purpose], 0)
    except TemplateSyntaxError as error:
        problem = (error.message or "it can't be read").partition(". ")[0].rstrip(".")
        raise ValueError(_at(text, error.lineno, f"is no template: {problem}")) from None
    except _Refused as error:
        raise ValueError(_at(text, error.line, error.message)) from None
    except (RecursionError, OverflowError, ValueError, Warning):
        # Endless brackets, numbers of a thousand digits, escapes that are none.
        raise ValueError("is no template: brackets without end, or a number that is none") from None


def _at(text: str, line: int, message: str) -> str:
    where = f"line {line} of the text: " if "\n" in text.rstrip("\n") else ""
    return where + " ".join(printable(message).split())


class _Refused(Exception):  # noqa: N818 - control flow in this module
    def __init__(self, node: nodes.Node, message: str) -> None:
        super().__init__(message)
        self.message, self.line = message, node.lineno


Scope = Mapping[str, Type]


@dataclass
class _Checker:
    purpose: Purpose
    _steps: int = 0
    _times: int = field(default=1)

    def statements(self, found: Sequence[nodes.Node], scope: Scope, level: int) -> None:
        for node in found:
            self._step(node, level)
            match node:
                case nodes.Output():
                    for each in node.nodes:
                        self._output(each, scope, level + 1)
                case nodes.If():
                    self._if(node, scope, level + 1)
                case nodes.For():
                    self._for(node, scope, level + 1)
                case _:
                    raise _refused(node)

    def _step(self, node: nodes.Node, level: int, times: int = 1) -> None:
        """Counts what it takes at most, with all lists as long as they may be."""
        if level > _MOST_LEVELS:
            raise _Refused(node, f"is nested deeper than {_MOST_LEVELS} levels")
        self._steps += self._times * times
        if self._steps > _MOST_STEPS:
            raise _Refused(node, "could run too long: use fewer loops inside of loops")

    def _output(self, node: nodes.Node, scope: Scope, level: int) -> None:
        if isinstance(node, nodes.TemplateData):
            self._step(node, level)
            return
        kind = self.type_of(node, scope, level)
        if kind == "truth":
            raise _Refused(node, "is true or false: use it behind `if`")
        if not isinstance(kind, str):
            raise _Refused(node, f"{_told(node)} {_parts(kind)}")

    def _if(self, node: nodes.If, scope: Scope, level: int) -> None:
        self.type_of(node.test, scope, level)
        self.statements(node.body, scope, level)
        for each in node.elif_:
            self._if(each, scope, level)
        self.statements(node.else_, scope, level)

    def _for(self, node: nodes.For, scope: Scope, level: int) -> None:
        over = self.type_of(node.iter, scope, level)
        if not isinstance(over, ListOf):
            raise _Refused(node, f"{_told(node.iter)} is no list to loop over")
        if node.recursive:
            raise _Refused(node, "`recursive` is not supported")
        name = node.target.name if isinstance(node.target, nodes.Name) else "_"
        if name.startswith("_") or name == "loop":
            raise _Refused(node, "give each item one name: `for file in files`")
        inside = {**scope, name: over.item}
        before, self._times = self._times, self._times * MOST_ITEMS
        self._step(node, level)
        if node.test is not None:
            self.type_of(node.test, inside, level)
        self.statements(node.body, {**inside, "loop": LOOP}, level)
        self._times = before
        self.statements(node.else_, scope, level)

    def type_of(self, node: nodes.Node, scope: Scope, level: int) -> Type:
        self._step(node, level)
        down = level + 1
        match node:
            case nodes.Const():
                return _constant(node)
            case nodes.Name():
                return self._named(node, scope)
            case nodes.Getattr():
                return _part(node, self.type_of(node.node, scope, down))
            case nodes.Getitem():
                return _item(node, self.type_of(node.node, scope, down))
            case nodes.Filter():
                return self._filtered(node, scope, down)
            case nodes.Not():
                self.type_of(node.node, scope, down)
                return "truth"
            case nodes.And() | nodes.Or():
                left, right = (self.type_of(e, scope, down) for e in (node.left, node.right))
                return left if left == right else "truth"
            case nodes.CondExpr():
                return self._conditional(node, scope, down)
            case nodes.Concat():
                for each in node.nodes:
                    self._scalar(each, scope, down)
                return "text"
            case nodes.Compare():
                return self._compared(node, scope, down)
        raise _refused(node)

    def _named(self, node: nodes.Name, scope: Scope) -> Type:
        if node.name in scope:
            return scope[node.name]
        elsewhere = any(node.name in values for values in VALUES.values())
        if elsewhere:
            raise _Refused(node, f"{quote(node.name)} is not known in a {self.purpose}")
        raise _Refused(node, f"{quote(node.name)} is not known{guess(node.name, tuple(scope))}")

    def _scalar(self, node: nodes.Node, scope: Scope, level: int) -> Type:
        kind = self.type_of(node, scope, level)
        if kind not in ("text", "number"):
            raise _Refused(node, f"{_told(node)} is no text")
        return kind

    def _conditional(self, node: nodes.CondExpr, scope: Scope, level: int) -> Type:
        self.type_of(node.test, scope, level)
        one = self.type_of(node.expr1, scope, level)
        other = self.type_of(node.expr2, scope, level) if node.expr2 else one
        if one != other and (one, other) not in (("markup", "text"), ("text", "markup")):
            raise _Refused(node, "both sides of `if ... else` must be texts")
        return one if one == other else "markup"

    def _filtered(self, node: nodes.Filter, scope: Scope, level: int) -> Type:
        if node.name not in FILTER_TYPES:
            message = (
                f"no filter is named {quote(node.name)}{guess(node.name, tuple(FILTER_TYPES))}"
            )
            raise _Refused(node, message)
        if node.node is None:
            raise _refused(nodes.FilterBlock(lineno=node.lineno))
        if node.name == "code" and self.purpose != "body":
            raise _Refused(node, f"`code` is for a body: there is no markup in a {self.purpose}")
        wanted, made = FILTER_TYPES[node.name]
        given = [each.value for each in node.args if isinstance(each, nodes.Const)]
        right = len(given) == len(node.args) == len(wanted) and all(map(isinstance, given, wanted))
        if not right or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise _Refused(node, f"write {_example(node.name)}")
        if node.name == "replace" and not given[0]:
            raise _Refused(node, "`replace` needs something to replace")
        for each in node.args:
            self.type_of(each, scope, level)
        kind = self.type_of(node.node, scope, level)
        if node.name == "join" or (node.name == "length" and isinstance(kind, ListOf)):
            self._step(node, level, MOST_ITEMS)
            if not isinstance(kind, ListOf) or (node.name == "join" and kind.item != "text"):
                raise _Refused(node, f"{_told(node.node)} is no list of texts to join")
        elif kind not in ("text", "number"):
            raise _Refused(node, f"{_told(node.node)} is no text to put through {node.name!r}")
        return made

    def _compared(self, node: nodes.Compare, scope: Scope, level: int) -> Type:
        one = self._scalar(node.expr, scope, level)
        for operand in node.ops:
            other = operand.expr
            if operand.op in ("in", "notin"):
                fits = self._is_among(one, other, scope, level)
            else:
                ordered = operand.op not in ("eq", "ne")
                fits = self._scalar(other, scope, level) == one
                fits = fits and (one == "number" or not ordered)
            if not fits:
                raise _Refused(node, "compares what can't be compared")
        return "truth"

    def _is_among(self, one: Type, other: nodes.Node, scope: Scope, level: int) -> bool:
        self._step(other, level, MOST_ITEMS)
        if isinstance(other, nodes.List | nodes.Tuple):
            return all(self._scalar(each, scope, level + 1) == one for each in other.items)
        kind = self.type_of(other, scope, level)
        return one == "text" and kind in ("text", ListOf("text"))


def _refused(node: nodes.Node) -> _Refused:
    for kind, message in _REFUSED.items():
        if isinstance(node, kind):
            return _Refused(node, message)
    word = type(node).__name__.lower()
    return _Refused(node, f"{word!r} is not supported: only `if`, `for` and values are")


def _constant(node: nodes.Const) -> Type:
    value = node.value
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, str) and len(value) <= MOST_CHARACTERS and is_unicode(value):
        return "text"
    if isinstance(value, int) and abs(value) <= _LARGEST_NUMBER:
        return "number"
    raise _Refused(node, "only texts and small whole numbers can stand here")


def _part(node: nodes.Getattr, kind: Type) -> Type:
    whole = _told(node.node)
    if not isinstance(kind, Fields):
        advice = f": loop over it, or write {whole}[0]" if isinstance(kind, ListOf) else ""
        raise _Refused(node, f"{whole} has no parts{advice}")
    if node.attr not in kind.fields:
        raise _Refused(node, f"{whole} has no {quote(node.attr)}{guess(node.attr, [*kind.fields])}")
    return kind.fields[node.attr]


def _item(node: nodes.Getitem, kind: Type) -> Type:
    argument = node.arg
    if isinstance(argument, nodes.Slice):
        ends = [argument.start, argument.stop]
        numbers = all(each is None or _is_number(each) for each in ends) and argument.step is None
        if numbers and (kind == "text" or isinstance(kind, ListOf)):
            return kind
    elif _is_number(argument) and isinstance(kind, ListOf):
        return kind.item
    raise _Refused(node, f"write {_told(node.node)}[0] of a list, [:12] of a text")


def _is_number(node: nodes.Node) -> bool:
    inner = node.node if isinstance(node, nodes.Neg) else node
    return isinstance(inner, nodes.Const) and _constant(inner) == "number"


def _told(node: nodes.Node) -> str:
    """An expression as its author wrote it, where it is a simple one."""
    match node:
        case nodes.Name():
            return f"`{printable(node.name)}`"
        case nodes.Getattr():
            return f"`{_told(node.node).strip('`')}.{printable(node.attr)}`"
        case nodes.Getitem():
            return f"`{_told(node.node).strip('`')}[...]`"
    return "this"


def _parts(kind: Fields | ListOf) -> str:
    if isinstance(kind, ListOf):
        return "is a list: loop over it, or join it"
    return f"has several parts, name one: {', '.join(kind.fields)}"


def _example(name: str) -> str:
    examples = {
        "replace": "replace('old', 'new')",
        "default": "default('nobody')",
        "truncate": "truncate(50)",
        "join": "join(', ')",
    }
    return f"`| {examples.get(name, name)}`"

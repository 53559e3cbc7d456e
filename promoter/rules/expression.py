"""Regular expressions in rules: `tags`."""

from __future__ import annotations

from promoter.model.expression import compile_expression
from promoter.rules.wording import printable, quote

_LONGEST = 1000
# What other engines have, and RE2 has not, so that no tag can make it hang.
_HINTS = {
    "(?!": "; it can't look ahead: leave tags out by `ignore`",
    "(?<!": "; it can't look behind: leave tags out by `ignore`",
    "(?=": "; it can't look ahead: write out what follows",
    "(?<=": "; it can't look behind: write out what stands before",
    "\\Z": "; the whole tag must match anyway: remove \\Z",
    "(?P=": "; it can't refer back to a group",
}


def check_tags(text: str) -> str:
    """`text` as it is; ValueError where it is no regular expression, or names another group
    than `version`, which is the only one that a policy looks at."""
    if len(text) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    try:
        groups = compile_expression(text).groups
    except ValueError as error:
        hint = next((hint for sign, hint in _HINTS.items() if sign in text), "")
        raise ValueError(
            f"{quote(text)} is not a regular expression of RE2: {printable(str(error))}{hint}"
        ) from None
    other = next((name for name in groups if name != "version"), None)
    if other is not None:
        raise ValueError(
            f"the named group {quote(other)} has no meaning here: the one that `select` compares"
            " is named 'version'"
        )
    return text

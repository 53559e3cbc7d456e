"""Regular expressions in rules: `tags`."""

from __future__ import annotations

import re
import warnings

from promoter.rules.wording import printable, quote

_LONGEST = 1000


def check_tags(text: str) -> str:
    """`text` as it is; ValueError where it is no regular expression, or names another group
    than `version`, which is the only one that a policy looks at."""
    if len(text) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    try:
        with warnings.catch_warnings():
            # Python warns of what a later version will read differently.
            warnings.simplefilter("error")
            groups = re.compile(text).groupindex
    except (re.error, OverflowError, RecursionError, Warning) as error:
        hint = "; a named group is written (?P<version>...)" if "(?<" in text else ""
        raise ValueError(
            f"{quote(text)} is not a regular expression: {printable(str(error))}{hint}"
        ) from None
    other = next((name for name in groups if name != "version"), None)
    if other is not None:
        raise ValueError(
            f"the named group {quote(other)} has no meaning here: the one that `select` compares"
            " is named 'version'"
        )
    return text

"""Names of people and labels in rules, as forges take them."""

from __future__ import annotations

import re

from promoter.decisions.person import HOLD, LEFT_ALONE
from promoter.rules.template import is_template
from promoter.rules.wording import quote

MOST_LABEL = {"github": 50}
"""Characters of a label by forge; 255 elsewhere (GitLab's limit)."""
LONGEST_LABEL = 255
MOST_USER = {"github": 39}

_LONGEST_USER = 255
_USER = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?(?:\[bot\])?")
_AUTHOR = re.compile(r"[^<>\s](?:[^<>]*[^<>\s])? <[^<>@\s]+@[^<>@\s]+>")
_MEANINGS = {
    HOLD: "holds every merge request that has it: people add it",
    LEFT_ALONE: "is what the bot adds where a person took a branch over",
}


def check_label(text: str) -> str:
    """`text` as it is; ValueError where no label can be called so."""
    if not text.isprintable():
        raise ValueError(f"{quote(text)}: a label is one line without control characters")
    if text != text.strip():
        raise ValueError(f"{quote(text)}: remove the spaces at the ends of the label")
    if meaning := _MEANINGS.get(text.lower()):
        raise ValueError(f"{quote(text)} {meaning}; give another label")
    if not is_template(text) and len(text) > LONGEST_LABEL:
        raise ValueError(f"{quote(text)} is longer than {LONGEST_LABEL} characters")
    return text


def check_user(name: str) -> str:
    """`name` as it is; ValueError where no user can be called so."""
    if name.startswith("@"):
        raise ValueError(f"{quote(name)}: write the user's name without '@'")
    if "@" in name:
        raise ValueError(f"{quote(name)}: write the user's name on the forge, not an address")
    if "/" in name:
        raise ValueError(f"{quote(name)}: a team can't be asked yet, write the names of people")
    if not _USER.fullmatch(name) or len(name) > _LONGEST_USER:
        raise ValueError(
            f"{quote(name)} is no user's name: letters, digits, '.', '_' and '-', such as ada"
        )
    return name


def check_author(text: str) -> str:
    """`NAME <EMAIL>` as it is; ValueError where it is something else."""
    if not text.isprintable() or not _AUTHOR.fullmatch(text):
        raise ValueError(
            f"{quote(text)} is no author: write NAME <EMAIL>, such as"
            " Promotions <promotions@example.com>"
        )
    return text

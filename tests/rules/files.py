"""A rule file to break, and what is said about it."""

from __future__ import annotations

from promoter.model.rule import Rule
from promoter.rules import load_rules

FILE = "rules/shop.yaml"

# Lines and columns in the tests count in this text.
SHOP = """\
version: 1
repository:
  url: https://gitlab.com/shop/manifests.git
  branch: main
artifacts:
  - image: harbor.example.com/apps/{application}
    select: {semver: ">=1.0"}
applications: apps/{application}/overlays/{environment}
environments:
  dev:
    merge: automatic
  staging:
    after: dev
    require:
      - soak: 30m
  production:
    after: staging
    require:
      - soak: 24h
      - approvals: 2
"""


def load(text: str) -> Rule:
    """The rule in a text without errors."""
    rules, errors = load_rules({FILE: text})
    assert errors == ()
    (rule,) = rules
    return rule


def complaints(text: str) -> list[str]:
    """The errors of a text, as they are printed, without the file's name."""
    rules, errors = load_rules({FILE: text})
    assert rules == ()
    assert all(str(error).startswith(f"{FILE}:") for error in errors)
    return [str(error).removeprefix(f"{FILE}:") for error in errors]


def broken(*changes: tuple[str, str]) -> list[str]:
    """The errors of SHOP after replacing the first of each pair by the second, once."""
    text = SHOP
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return complaints(text)

"""Rule files: read, checked, and laid over a repository's files."""

from promoter.rules.layout import discover
from promoter.rules.load import load_rules

__all__ = ["discover", "load_rules"]

"""A request as far as authentication and parsers look at it."""

from __future__ import annotations

from collections.abc import Mapping

Headers = Mapping[str, str]
"""By their names in lower case. What is no ASCII in a value reads as Latin-1, as in HTTP."""

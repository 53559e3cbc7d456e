"""Holds written into hold files, and taken out, without touching another byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from promoter.model.hold import Hold
from promoter.rules.holds import BOM, LINE_END, MARKER, Part, named_by, split


def append_hold(content: bytes, hold: Hold, path: str) -> bytes:
    """The file with another hold at its end; every byte before stays."""
    text = content.decode("utf-8")
    end = _line_end(text)
    if not text:
        return _render(hold, path).encode()
    gap = "" if text.endswith(("\n", "\r")) or text == BOM else end
    return content + f"{gap}---\n{_render(hold, path)}".replace("\n", end).encode()


def replace_hold(content: bytes, old: Hold, new: Hold) -> bytes:
    """The file with one of its holds written anew; every byte of the others stays."""
    text = content.decode("utf-8")
    part = _part_of(text, old)
    marker = "---\n" if MARKER.match(part.text) else ""
    made = f"{marker}{_render(new, old.where.file)}".replace("\n", _line_end(text))
    return f"{text[: part.start]}{made}{text[part.end :]}".encode()


def remove_hold(content: bytes, hold: Hold) -> bytes | None:
    """The file without one of its holds; None where nothing is left in it."""
    text = content.decode("utf-8")
    part = _part_of(text, hold)
    if not any(each != part and not each.is_empty for each in split(text)):
        return None
    return f"{text[: part.start]}{text[part.end :]}".encode()


def _part_of(text: str, hold: Hold) -> Part:
    """The document that begins last before, or in, the line of the hold."""
    parts = [each for each in split(text) if each.line < hold.where.line]
    return parts[-1]


def _line_end(text: str) -> str:
    first = LINE_END.search(text)
    return first[0] if first else "\n"


def _render(hold: Hold, path: str) -> str:
    """The document; whom it concerns only where the path does not say it."""
    applications, environments = named_by(path)
    values: Mapping[str, str | None] = {
        "application": None if hold.applications == applications else _flow(hold.applications),
        "environment": None if hold.environments == environments else _flow(hold.environments),
        "release": _flow(hold.releases) if hold.releases else None,
        "by": _quoted(hold.by),
        "reason": _quoted(hold.reason),
        "until": _quoted(_spell_until(hold.until)) if hold.until else None,
    }
    lines = [f"# Taken away by: {_commented(hold.release_command)}"]
    lines += [f"{key}: {value}" for key, value in values.items() if value is not None]
    return "".join(f"{line}\n" for line in lines)


def _spell_until(until: datetime) -> str:
    return until.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _flow(texts: Sequence[str]) -> str:
    quoted = [_quoted(each) for each in texts]
    return quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"


def _quoted(text: str) -> str:
    """A double-quoted scalar on one line (YAML 1.2.2, "Escaped Characters")."""
    return '"' + "".join(_escaped(each) for each in text) + '"'


def _commented(text: str) -> str:
    return "".join(each if each.isprintable() and each != BOM else "?" for each in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable() and character != BOM:
        return character
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

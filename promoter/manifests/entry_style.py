"""How an entry of `images:` is written: like the last one that stands there."""

from __future__ import annotations

from collections.abc import Sequence as Series
from dataclasses import dataclass

from promoter.manifests.changes import InsertImage
from promoter.manifests.events import Signature, Stream
from promoter.manifests.nodes import Mapping, Node, Scalar
from promoter.manifests.writing import written

_ENTRY_END: Signature = ("MappingEndEvent",)


@dataclass(frozen=True)
class Style:
    """How entries are written. `indent` is the column of the dash, `gap` from there to the key."""

    indent: int = 0
    gap: int = 2
    flow: bool = False
    key_quote: str = ""
    quotes: tuple[tuple[str, str], ...] = ()
    order: tuple[str, ...] = ()

    def entry(
        self, stream: Stream, at: int, image: InsertImage
    ) -> tuple[list[str], list[Signature]]:
        """`key: value` for each field, and the entry's events."""
        fields: list[str] = []
        events: list[Signature] = [begins("MappingStartEvent", self.flow)]
        quotes = dict(self.quotes)
        for key, value in sorted(image.fields, key=self._rank):
            version = key in ("newTag", "digest")
            quote = quotes.get(key, quotes.get("newTag", "") if version else quotes.get("name", ""))
            if self.flow and not quote and (version or self.key_quote):
                quote = self.key_quote or stream.favourite_quote
            key_text, key_event = written(stream, at, key, self.key_quote, flow=self.flow)
            text, event = written(stream, at, value, quote, flow=self.flow)
            fields.append(f"{key_text}: {text}")
            events += [key_event, event]
        return fields, [*events, _ENTRY_END]

    def _rank(self, field: tuple[str, str]) -> int:
        """Keys that the last entry has, in its order; the others behind."""
        return self.order.index(field[0]) if field[0] in self.order else len(self.order)

    def lines(
        self, stream: Stream, at: int, images: Series[InsertImage]
    ) -> tuple[list[str], list[Signature]]:
        """The entries as lines of a block list, and their events."""
        lines: list[str] = []
        events: list[Signature] = []
        for image in images:
            fields, made = self.entry(stream, at, image)
            dash = f"{' ' * self.indent}-{' ' * (self.gap - 1)}"
            if self.flow:
                lines.append(f"{dash}{{{', '.join(fields)}}}")
            else:
                lines.append(f"{dash}{fields[0]}")
                lines += [f"{' ' * (self.indent + self.gap)}{field}" for field in fields[1:]]
            events += made
        return lines, events

    def inline(
        self, stream: Stream, at: int, images: Series[InsertImage]
    ) -> tuple[str, list[Signature]]:
        """The entries as items of a flow list, and their events."""
        made = [self.entry(stream, at, image) for image in images]
        text = ", ".join(f"{{{', '.join(fields)}}}" for fields, _ in made)
        return text, [event for _, events in made for event in events]


def begins(event: str, flow: bool) -> Signature:
    return (event, None, None, "flow" if flow else "block")


def style_of(stream: Stream, items: Series[Node], indent: int, *, flow: bool) -> Style:
    """The style of the last entry that is a mapping; the plain one where there is none."""
    last = next((item for item in reversed(items) if isinstance(item, Mapping)), None)
    if last is None or not last.entries:
        return Style(indent, flow=flow)
    first_key = last.entries[0][0]
    quotes = tuple(
        (key.value, value.style)
        for key, value in last.entries
        if isinstance(key, Scalar) and isinstance(value, Scalar) and value.style in ("'", '"')
    )
    order = tuple(key.value for key, _ in last.entries if isinstance(key, Scalar))
    if last.flow or flow:
        quoted = isinstance(first_key, Scalar) and first_key.style == '"'
        return Style(indent, 2, True, '"' if quoted else "", quotes, order)
    return Style(
        indent, max(column_of(stream, first_key.start) - indent, 2), quotes=quotes, order=order
    )


def column_of(stream: Stream, index: int) -> int:
    """The column of a code point, from 0."""
    return stream.where(index).column - 1

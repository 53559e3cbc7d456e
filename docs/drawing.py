"""A merge request as an image: its Markdown as HTML, drawn by Chromium."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path

from markdown_it import MarkdownIt

_WIDTH = 920
_CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-lcd-text",
)
_HEIGHT = re.compile(r"<title>([0-9]+)</title>")
_STYLE = """
* { box-sizing: border-box; }
body { margin: 0; padding: 24px; background: #f4f1ea; color: #26221c;
  font: 15px/1.5 "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 4px; font-size: 22px; font-weight: 600; }
h1 span { color: #8a8070; font-weight: 400; }
.about { margin: 0 0 16px; color: #6b6254; font-size: 13px; }
.card { margin: 0 0 14px; padding: 4px 20px; background: #fffdf8; border: 1px solid #d9d1c1;
  border-radius: 4px; }
.who { margin: 0 -20px; padding: 6px 20px; border-bottom: 1px solid #e6dfd1; color: #6b6254;
  font-size: 13px; }
code { padding: 1px 5px; background: #efe9dc; border-radius: 3px;
  font: 12.5px "DejaVu Sans Mono", monospace; }
table { border-collapse: collapse; }
th, td { padding: 5px 11px; border: 1px solid #d9d1c1; text-align: left; }
th { background: #f4efe4; font-weight: 600; }
a { color: #7a3b10; }
ul { padding-left: 24px; }
h4 { margin: 18px 0 6px; font-size: 15px; }
.status { padding: 9px 20px; }
.status b { margin-right: 10px; padding: 2px 9px; border-radius: 3px; background: #e8dcb8;
  font-weight: 600; font-size: 13px; }
"""


def to_html(markdown: str) -> str:
    """CommonMark and tables, which both forges speak."""
    return str(MarkdownIt("commonmark").enable("table").render(markdown))


def card(who: str, markdown: str) -> str:
    """Something that somebody wrote."""
    return f'<div class="card"><p class="who">{html.escape(who)}</p>{to_html(markdown)}</div>'


def document(parts: list[str]) -> str:
    """A page of its own; its title is its height, as soon as it is drawn."""
    measure = "document.title = Math.ceil(document.body.getBoundingClientRect().height)"
    body = "\n".join(parts)
    return (
        f'<!doctype html><meta charset="utf-8"><title>-</title><style>{_STYLE}</style>'
        f"<body>{body}<script>{measure}</script></body>\n"
    )


def draw(chromium: Path, page: str, image: Path, folder: Path) -> None:
    """Draw the page whole; `folder` is for what is needed on the way."""
    source = folder / f"{image.stem}.html"
    source.write_text(page, "utf-8")
    told = _run(chromium, folder, f"--window-size={_WIDTH},600", "--dump-dom", source.as_uri())
    height = _HEIGHT.search(told)
    if height is None:
        raise RuntimeError(f"{chromium} did not draw {source.name}")
    size = f"--window-size={_WIDTH},{height[1]}"
    _run(chromium, folder, size, "--hide-scrollbars", f"--screenshot={image}", source.as_uri())


def _run(chromium: Path, folder: Path, *arguments: str) -> str:
    command = [str(chromium), *_CHROMIUM, f"--user-data-dir={folder / 'profile'}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout

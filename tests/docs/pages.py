"""The pages of the documentation, and the fenced snippets in them.

What a snippet is for stands in its info string, after its language:

    python                  run; the snippets of a page share their names, as in one session
    bash                    run by bash, in a folder of the page's own
    bash no-run             not run: it builds, installs or keeps running
    json POST /v1/gradients posted to that endpoint
    json file hw.json       written to that file in the page's folder, for the snippets after it; yaml as well
    output                  what the snippet before it printed
    json reply [part] [422] what it was answered; with `part` some of the fields, with a number that status
    text, mermaid           for the reader alone
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """A fenced block: the words of its info string, its text, and the line of the page that the text begins on."""

    words: tuple[str, ...]
    text: str
    line: int


def snippets(page: Path) -> list[Snippet]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Snippet(tuple(found["info"].split()), found["text"], text.count("\n", 0, found.start("text")) + 1)
        for found in _FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))

"""Runs the snippets of one page in order, and compares what they print or are answered with what the page shows."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from math import isclose
from pathlib import Path
from typing import Any

import httpx

from docs.pages import Snippet

WRITTEN_URL = "http://127.0.0.1:8000"
"""Where the pages say that the service is."""

TOLERANCE = 1e-9

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?!\w)")


@dataclass
class Session:
    """One page against a service at `url`, with files in `folder`."""

    page: Path
    url: str
    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    said: str = ""
    """What the last snippet printed, or was answered."""
    status: int | None = None
    """With which HTTP status, where a request was posted."""

    def run_all(self, snippets: Sequence[Snippet]) -> None:
        """Run the snippets of a page in order. Raises AssertionError that names the line of the first that fails."""
        for snippet, following in zip_longest(snippets, snippets[1:]):
            try:
                self.run(snippet)
                refused = self.status not in (None, 200) and snippet.words[:2] == ("json", "POST")
                assert not refused or following.words[:2] == ("json", "reply"), self.said
            except Exception as error:
                raise AssertionError(f"{self.page.name}, line {snippet.line}: {error}") from error

    def run(self, snippet: Snippet) -> None:
        """Run one snippet. Raises AssertionError, or what the snippet raises."""
        match snippet.words:
            case ("python",):
                self.said, self.status = self._python(snippet), None
            case ("bash",):
                self.said, self.status = self._bash(snippet.text), None
            case ("json", "POST", path):
                self.said, self.status = self._post(path, snippet.text)
            case ("json" | "yaml", "file", name):
                (self.folder / name).parent.mkdir(exist_ok=True)
                (self.folder / name).write_text(snippet.text, encoding="utf-8")
            case ("output",):
                assert_same_text(self.said, snippet.text)
            case ("json", "reply", *words):
                self._compare_reply(snippet.text, words)
            case ("bash", "no-run") | ("text",) | ("mermaid",):
                pass
            case words:
                raise AssertionError(f"no such kind of snippet: {' '.join(words) or 'no info string'}")

    def _python(self, snippet: Snippet) -> str:
        code = "\n" * (snippet.line - 1) + snippet.text.replace(WRITTEN_URL, self.url)
        with contextlib.redirect_stdout(io.StringIO()) as printed, self._surroundings():
            exec(compile(code, str(self.page), "exec"), self.names)
        return printed.getvalue()

    @contextlib.contextmanager
    def _surroundings(self) -> Iterator[None]:
        """The page's folder, and the service where the client looks for it."""
        before = os.environ.get("CHAINRULE_URL")
        os.environ["CHAINRULE_URL"] = self.url
        try:
            with contextlib.chdir(self.folder):
                yield
        finally:
            os.environ.pop("CHAINRULE_URL")
            if before is not None:
                os.environ["CHAINRULE_URL"] = before

    def _bash(self, text: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text.replace(WRITTEN_URL, self.url)],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout

    def _post(self, path: str, body: str) -> tuple[str, int]:
        headers = {"Content-Type": "application/json", "X-Request-ID": "docs"}
        reply = httpx.post(f"{self.url}{path}", content=body.encode(), headers=headers, timeout=60)
        return reply.text, reply.status_code

    def _compare_reply(self, shown: str, words: list[str]) -> None:
        wanted = next((int(word) for word in words if word.isdecimal()), 200)
        assert self.status in (None, wanted), f"status {self.status}, not {wanted}: {self.said}"
        assert_same_tree(json.loads(self.said), json.loads(shown), part="part" in words)


def _environment() -> Mapping[str, str]:
    """For bash: this Python's commands first, and the user's own settings of the service left out."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAINRULE_")}
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}


def assert_same_text(found: str, shown: str) -> None:
    """The same text line by line, trailing white space aside, and the same numbers within TOLERANCE."""
    ours, theirs = ([line.rstrip() for line in text.strip("\n").splitlines()] for text in (found, shown))
    assert len(ours) == len(theirs), f"printed:\n{found}"
    for one, other in zip(ours, theirs, strict=True):
        assert _same_line(one, other), f"printed: {one}\nshown:   {other}"


def _same_line(found: str, shown: str) -> bool:
    if _NUMBER.sub("#", found) != _NUMBER.sub("#", shown):
        return False
    return all(_close(float(a), float(b)) for a, b in zip(_NUMBER.findall(found), _NUMBER.findall(shown), strict=True))


def assert_same_tree(found: Any, shown: Any, *, part: bool, at: str = "") -> None:
    """The same JSON, numbers within TOLERANCE. With `part` objects of `found` may have fields that are not shown."""
    if isinstance(shown, dict) and isinstance(found, dict):
        missing, extra = shown.keys() - found.keys(), found.keys() - shown.keys()
        assert not missing, f"{at or '/'}: shown, and not there: {missing}"
        assert part or not extra, f"{at or '/'}: there, and not shown: {extra}"
        for name in shown:
            assert_same_tree(found[name], shown[name], part=part, at=f"{at}/{name}")
    elif isinstance(shown, list) and isinstance(found, list):
        assert len(found) == len(shown), f"{at}: found {len(found)} entries, shown {len(shown)}"
        for index, (one, other) in enumerate(zip(found, shown, strict=True)):
            assert_same_tree(one, other, part=part, at=f"{at}/{index}")
    elif {type(found), type(shown)} <= {int, float}:
        assert _close(found, shown), f"{at}: found {found}, shown {shown}"
    else:
        assert (type(found), found) == (type(shown), shown), f"{at}: found {found!r}, shown {shown!r}"


def _close(found: float, shown: float) -> bool:
    return isclose(found, shown, rel_tol=TOLERANCE, abs_tol=TOLERANCE)

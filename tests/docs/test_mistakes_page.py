"""docs/mistakes.md is what the registry of mistakes says today."""

from __future__ import annotations

import runpy

from docs.pages import ROOT


def test_the_page_is_up_to_date() -> None:
    maker = runpy.run_path(str(ROOT / "docs" / "make_mistakes.py"))
    assert maker["PAGE"].read_text(encoding="utf-8") == maker["page"](), "run python docs/make_mistakes.py"

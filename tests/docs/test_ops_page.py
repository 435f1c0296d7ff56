"""docs/ops.md is what the registry says today."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from chainrule.engine.registry import ops
from docs.pages import ROOT


@pytest.fixture(scope="module")
def maker() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "make_ops.py"))


def test_the_page_is_up_to_date(maker: dict[str, Any]) -> None:
    assert maker["PAGE"].read_text(encoding="utf-8") == maker["page"](), "run python docs/make_ops.py"


def test_every_family_has_a_heading_and_a_note(maker: dict[str, Any]) -> None:
    families = {op.family for op in ops().values()}
    assert families == set(maker["FAMILIES"]) == set(maker["NOTES"])

"""The documents are set by LaTeX without an error, a warning, or a line that is too long."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from chainrule.derivation.pages.blocks import Block, Equations, Heading
from chainrule.derivation.pages.tex import document
from chainrule.derivation.subject import Subject
from derivation.test_notations import CASES
from derivation.test_pages import ROWS, derived, hostile

pytestmark = pytest.mark.skipif(
    shutil.which("pdflatex") is None and not os.environ.get("CI"),
    reason="there is no pdflatex on the PATH (Debian: texlive-latex-base)",
)

AMISS = re.compile(r"^(?:!.*|.*(?:Over|Under)full.*|.*Warning.*)$", re.MULTILINE)


def complaints(tex: str, folder: Path) -> list[str]:
    """What pdflatex has to say against a document."""
    (folder / "page.tex").write_text(tex, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    found = AMISS.findall((folder / "page.log").read_text(encoding="utf-8", errors="replace"))
    assert (folder / "page.pdf").exists() or found
    return [*found, *([f"exit {done.returncode}"] if done.returncode else [])]


@pytest.mark.parametrize("layout", ["numerator", "torch", "denominator"])
@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_homework(row: str, layout: str, tmp_path: Path) -> None:
    assert complaints(derived(row, layout=layout, document=True)["document"], tmp_path) == []


@pytest.mark.parametrize("numbers", [True, False])
def test_names_that_would_be_commands(numbers: bool, tmp_path: Path) -> None:
    found = complaints(hostile(document=True, numbers=numbers)["document"], tmp_path)
    assert [line for line in found if "Overfull" not in line] == []


def test_every_op(tmp_path: Path) -> None:
    blocks: list[Block] = []
    for case in CASES:
        subject = Subject(case.plan)
        notation, edge = subject.notation(0), subject.edges_into(case.slots[case.differentiable[0]])[0]
        i = subject.letters.indices(subject.shape(case.of))
        entry = f"{notation.y(i).latex()} = {notation.entry(i).latex()}"
        formulas = (f"{notation.at.output.latex()} = {notation.whole().latex()}", entry, edge.element.latex())
        blocks += [Heading(case.op.name.replace("_", " ")), Equations((*formulas, *edge.element.where))]
    assert complaints(document(blocks), tmp_path) == []


def test_what_is_amiss_is_seen(tmp_path: Path) -> None:
    wide: Any = document([Equations((r"\mathrm{" + "x" * 300 + "}",))])
    assert [line for line in complaints(wide, tmp_path) if "Overfull" in line]

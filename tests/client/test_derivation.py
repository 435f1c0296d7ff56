"""Derivations in the clients and at the prompt: as text, LaTeX, HTML and PDF."""

from __future__ import annotations

import builtins
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from chainrule_client import Network, linear, local, relu, typesetting
from client.command_line import run

NETWORK = Network.layers(linear([[1, -1], [2, 1]], [1, -1]), relu(scale=3), linear([[2, -1]]))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    request = {"network": NETWORK.spec, "inputs": [1, 2], "targets": [3], "loss": "squared_error", "batched": False}
    (tmp_path / "net.json").write_text(json.dumps(request))
    return tmp_path / "net.json"


def test_formulas_are_not_taken_for_tensors() -> None:
    reply = local.derivation(NETWORK, [1, 2], [3], "squared_error", wrt=["W2"], layout="numerator", batched=False)
    assert reply.gradients["W2"]["latex"] == (
        r"\frac{\partial C}{\partial W^{(2)}} = a_{1} \, \frac{\partial C}{\partial \tilde{y}}"
    )
    assert reply.gradients["W2"]["shape"] == [2, 1]
    assert reply.loss[0]["latex"] == r"C = \lVert \tilde{y} - y \rVert^{2}"
    assert reply.jacobians["s2/W2"]["shape"] == [1, 2, 1]
    assert "document" not in reply


def test_as_text(file: Path) -> None:
    found = run("derive", file, "--layout", "numerator", "--wrt", "b1", "--loss", "mse")
    assert found.exit_code == 0
    assert r"C = \lVert \tilde{y} - y \rVert^{2}" in found.stdout
    assert r"  W^{(2)}  [1, 2]" in found.stdout


def test_as_json(file: Path) -> None:
    found = json.loads(run("derive", file, "--json", "--of", "s2", "--wrt", "x").stdout)
    assert found["gradients"]["x"]["left"] == r"\frac{\partial \tilde{y}}{\partial x}"


@pytest.mark.parametrize(("form", "begins"), [("tex", r"\documentclass"), ("html", "<!DOCTYPE html>")])
def test_as_a_file_or_printed(file: Path, form: str, begins: str) -> None:
    assert run("derive", file, f"--{form}").stdout == f"written: derivation.{form}\n"
    assert (file.parent / f"derivation.{form}").read_text(encoding="utf-8").startswith(begins)
    assert run("derive", file, f"--{form}", "--out", "-").stdout.startswith(begins)
    assert "pmatrix" not in run("derive", file, f"--{form}", "--out", "-", "--symbols-only").stdout


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex on the PATH")
def test_as_a_pdf(file: Path) -> None:
    assert run("derive", file, "--pdf", "--out", "net.pdf").stdout == "written: net.pdf\n"
    assert (file.parent / "net.pdf").read_bytes().startswith(b"%PDF")
    assert run("derive", file, "--pdf", "--out", "-").exit_code == 2
    with pytest.raises(typesetting.NotTypeset, match="pdflatex could not set the document"):
        typesetting.pdf_of(r"\documentclass{article}\begin{document}\nosuch\end{document}")


def test_a_pdf_without_an_engine(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = run("derive", file, "--pdf")
    assert found.exit_code == 1
    assert "a PDF needs a LaTeX engine on the PATH, one of pdflatex, lualatex, xelatex, tectonic" in found.stderr


def test_html_without_the_converter(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("latex2mathml"):
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    found = run("derive", file, "--html")
    assert found.exit_code == 1
    assert "pip install 'chainrule[derivation]'" in found.stderr


def test_one_form_at_a_time(file: Path) -> None:
    found = run("derive", file, "--html", "--tex")
    assert found.exit_code == 2
    assert "one form at a time" in found.stderr


def test_a_file_that_cannot_be_written(file: Path) -> None:
    found = run("derive", file, "--tex", "--out", "no/such/folder.tex")
    assert found.exit_code == 2
    assert "cannot be written" in found.stderr

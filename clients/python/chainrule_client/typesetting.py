"""A LaTeX document set by whatever LaTeX engine is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from chainrule_client.errors import ChainruleError

QUIETLY = ("-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape")
ENGINES: Mapping[str, tuple[str, ...]] = {
    "pdflatex": QUIETLY,
    "lualatex": QUIETLY,
    "xelatex": QUIETLY,
    "tectonic": ("--untrusted",),
}
"""Those that are looked for on the PATH, the first one found being used, and how each is run."""
SECONDS = 120


class NotTypeset(ChainruleError):
    """There is no LaTeX engine, or it could not set the document."""


def pdf_of(document: str) -> bytes:
    """The PDF of a document. Raises NotTypeset."""
    engine = next((engine for engine in ENGINES if shutil.which(engine)), None)
    if engine is None:
        raise NotTypeset(
            f"a PDF needs a LaTeX engine on the PATH, one of {', '.join(ENGINES)} (Debian: texlive-latex-base); "
            "--html needs none"
        )
    with TemporaryDirectory() as folder:
        source = Path(folder, "derivation.tex")
        source.write_text(document, encoding="utf-8")
        try:
            done = subprocess.run(
                [engine, *ENGINES[engine], source.name], cwd=folder, capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise NotTypeset(f"{engine} took longer than {SECONDS} s") from None
        found = source.with_suffix(".pdf")
        if done.returncode or not found.exists():
            said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
            raise NotTypeset(f"{engine} could not set the document: {' '.join(said[-4:])}")
        return found.read_bytes()

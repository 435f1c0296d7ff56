"""`chainrule derive`: the chain rule written out, as text, a LaTeX document, a page of HTML or a PDF."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule_client.cli_running import (
    FileOrProblem,
    Folder,
    Json,
    LayoutOption,
    Loss,
    Problem,
    Seed,
    Source,
    Url,
    Wrt,
    client_for,
    names_of,
    reporting,
    show,
    write,
)
from chainrule_client.errors import ChainruleError


def derive(
    file: FileOrProblem = None,
    problem: Problem = None,
    seed: Seed = None,
    folder: Folder = None,
    url: Url = None,
    json: Json = False,
    tex: Annotated[bool, typer.Option("--tex", help="A LaTeX document.")] = False,
    html: Annotated[bool, typer.Option("--html", help="A page of HTML, its formulas in MathML.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="A PDF, where a LaTeX engine is installed.")] = False,
    layout: LayoutOption = None,
    loss: Loss = None,
    of: Annotated[
        str | None, typer.Option("--of", metavar="NAME", help="What is differentiated; else the loss.")
    ] = None,
    wrt: Wrt = None,
    symbols_only: Annotated[bool, typer.Option("--symbols-only", help="Without the instance's numbers.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The file to write; - prints LaTeX or HTML.")
    ] = None,
) -> None:
    """The chain of each gradient in LaTeX, factor by factor, with the instance's numbers where they are few."""
    with reporting():
        if tex + html + pdf > 1:
            raise ValueError("a derivation is written in one form at a time: give --tex, --html or --pdf")
        given = {"layout": layout, "loss": loss, "of": of, "wrt": names_of(wrt), "document": tex or pdf or None}
        request = Source(file, problem, seed, folder).request()
        request |= {name: value for name, value in given.items() if value}
        if symbols_only:
            request["numbers"] = False
        reply = client_for(url, folder).call("derivation", request)
        if tex:
            _put(reply.document, out or Path("derivation.tex"))
        elif html:
            _put(_page(reply.raw), out or Path("derivation.html"))
        elif pdf:
            from chainrule_client.typesetting import pdf_of

            if str(out) == "-":
                raise ValueError("a PDF is no text: give --out a file's name")
            write(pdf_of(reply.document), out or Path("derivation.pdf"))
        elif json:
            show(reply, reply.raw, json)
        else:
            typer.echo(derivation_as_text(reply.raw))


def derivation_as_text(reply: Mapping[str, Any]) -> str:
    """The formulas in LaTeX: every node, then every gradient with the factors it is made of."""
    forward = [step["latex"] for step in (*reply["forward"], *reply["loss"])]
    gradients = [_gradient(each) for each in (*reply["gradients"].values(), *reply["through"].values())]
    return "\n\n".join(["\n".join(forward), *gradients])


def _gradient(gradient: Mapping[str, Any]) -> str:
    factors = {
        f"  {factor['latex']}  {factor['shape']}": f"    {factor['element']}" if factor["element"] else ""
        for term in gradient["terms"]
        for factor in term["factors"]
    }
    lines = [line for factor in factors.items() for line in factor if line]
    return "\n".join([f"{gradient['latex']}  {gradient['shape']}", *lines])


def _page(reply: Mapping[str, Any]) -> str:
    from chainrule.derivation.pages.derivation import blocks_of
    from chainrule.derivation.pages.html import ConverterMissing, page

    try:
        return page(blocks_of(reply))
    except ConverterMissing as error:
        raise ChainruleError(str(error)) from error


def _put(text: str, out: Path) -> None:
    """Write a file, and say where; or print it. Raises ValueError where it cannot be written."""
    if str(out) == "-":
        typer.echo(text)
    else:
        write(text.encode(), out)

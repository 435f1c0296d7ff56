"""Draws the pictures of the documentation, docs/pictures/*.svg: `make pictures`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chainrule_client import local

FOLDER = Path(__file__).with_name("pictures")


def curves() -> str:
    """Homework 1.4c: ReLU, leaky ReLU, softplus and GELU with their derivatives."""
    return local.plot("relu", {"op": "leaky_relu", "slope": 0.1}, "softplus", "gelu")


PICTURES: dict[str, Callable[[], str]] = {"curves.svg": curves}
"""By file."""

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8")

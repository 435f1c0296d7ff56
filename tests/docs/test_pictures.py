"""The pictures of the documentation are those that `make pictures` draws, and they can be read."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from docs.pages import PAGES, ROOT
from pictures.reading import assert_legible

FOLDER = ROOT / "docs" / "pictures"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pictures", ROOT / "docs" / "make_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = maker()


def test_no_picture_is_left_over_and_none_is_missing() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(MAKER.PICTURES)


@pytest.mark.parametrize("name", MAKER.PICTURES)
def test_a_picture_is_up_to_date(name: str) -> None:
    """To a few hundredths of a pixel: the last digit of a logarithm differs between machines."""
    drawn, kept = MAKER.PICTURES[name](), (FOLDER / name).read_text(encoding="utf-8")
    message = f"{name} is out of date: make pictures"
    assert _NUMBER.sub("#", drawn) == _NUMBER.sub("#", kept), message
    pairs = zip(_NUMBER.findall(drawn), _NUMBER.findall(kept), strict=True)
    assert all(abs(float(one) - float(other)) < 0.03 for one, other in pairs), message


@pytest.mark.parametrize("name", MAKER.PICTURES)
def test_a_picture_can_be_read(name: str) -> None:
    assert_legible((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MAKER.PICTURES)
def test_a_picture_is_shown_on_a_page(name: str) -> None:
    assert [page.name for page in PAGES if f"](pictures/{name})" in Path(page).read_text(encoding="utf-8")]

"""Keys in JSON pointers."""

from __future__ import annotations

from chainrule.schemas.pointers import LONGEST, escaped, shown


def test_what_a_pointer_says_with_is_escaped() -> None:
    assert escaped("a/b~c~1") == "a~1b~0c~01"


def test_a_long_key_is_cut_and_no_escape_is() -> None:
    assert shown("x" * 1_000) == "x" * LONGEST
    assert shown("x" * (LONGEST - 1) + "/y") == "x" * (LONGEST - 1) + "~1"

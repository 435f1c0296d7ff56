"""How problem sets and the problems in them are named. Apart from what they hold, which most requests do not need."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from chainrule.schemas.own_words import no_object

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""Of a set or of a problem in it: letters, digits, `.`, `_` and `-`; it never leads out of a folder."""

ProblemId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    no_object('names a problem on file, as "set/problem"; the fields of a whole problem stand in its place'),
]
"""`set/problem`."""

"""How an operation says no: one error shape, whether over HTTP or in process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: `pointer` is a JSON pointer (RFC 6901) into the request."""

    pointer: str
    message: str


class Refused(ValueError):
    """A request that cannot be answered. `status` is the HTTP status it travels under.

    `faults` holds at most MOST_SHOWN; `count` is how many there were.
    """

    def __init__(
        self, detail: str, *, title: str = "Request not valid", status: int = 422, faults: Sequence[Fault] = ()
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.title = title
        self.status = status
        self.count = len(faults)
        self.faults = tuple(faults[:MOST_SHOWN])


def refuse(pointer: str, message: str, **how: str | int) -> Refused:
    """A refusal with one fault."""
    return Refused(message, faults=[Fault(pointer, message)], **how)  # type: ignore[arg-type]

"""How an operation says no: one error shape, whether over HTTP or in process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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

    def told(self, retell: Callable[[Fault], Fault]) -> Refused:
        """The same, each of its faults told anew. One without faults is as it was."""
        if not self.faults:
            return self
        return refuse_for([retell(fault) for fault in self.faults], self.count, title=self.title, status=self.status)


def refuse(pointer: str, message: str) -> Refused:
    """A refusal with one fault."""
    return refuse_for([Fault(pointer, message)])


def refuse_for(faults: Sequence[Fault], count: int = 0, **how: Any) -> Refused:
    """A refusal whose detail is the first of its faults, and how many more there are: of `count`, by default of these.

    how: the title and the status, where they are others than a request's that is not valid.
    """
    count = count or len(faults)
    first, more = faults[0], f" (and {count - 1} more)" if count > 1 else ""
    refused = Refused(f"{first.pointer or 'the request'}: {first.message}{more}", faults=faults, **how)
    refused.count = count
    return refused

"""docs/performance.md: its words are written by hand, its tables by a run, between marks.

A block begins with `<!-- measured: NAME -->` and ends with `<!-- end -->`. There is one for each suite, one for the
machine, and one for the goals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pairs import Row, Skipped
from table import amount, ratio

MACHINE, GOALS = "machine", "goals"
COMPARED = ("what", "ours", "against", "our time", "its time", "ratio", "half of the turns", "goal", "")
SOUGHT = ("goal", "what", "ours", "against", "found", "")

_BLOCK = re.compile(r"(?P<begin><!-- measured: (?P<name>\w+) -->\n)(?P<text>.*?)(?P<end><!-- end -->)", re.DOTALL)

Found = Mapping[str, Sequence[Row | Skipped]]


class MachinesDiffer(ValueError):
    """The rest of the page was measured on another machine, or with other versions."""


def blocks(page: str) -> dict[str, str]:
    """The text of each block."""
    return {found["name"]: found["text"] for found in _BLOCK.finditer(page)}


def rewritten(page: str, machine: Mapping[str, str], found: Found) -> str:
    """The page with the blocks of the suites that were measured. Raises MachinesDiffer where it would be of two.

    The goals are read from the blocks, so that those of suites that were not measured stay.
    """
    held = blocks(page)
    if set(held) - set(found) - {MACHINE, GOALS} and _facts(held[MACHINE]) not in ([], _facts(_machine(machine))):
        raise MachinesDiffer("this page is of another machine or of other versions: measure every suite")
    page = _filled(page, {MACHINE: _machine(machine), **{name: _comparisons(rows) for name, rows in found.items()}})
    return _filled(page, {GOALS: _goals(blocks(page))})


def _filled(page: str, texts: Mapping[str, str]) -> str:
    def fill(found: re.Match[str]) -> str:
        return found["begin"] + texts.get(found["name"], found["text"]) + found["end"]

    return _BLOCK.sub(fill, page)


def _machine(described: Mapping[str, str]) -> str:
    return _table(("", ""), [(name, value) for name, value in described.items()])


def _facts(block: str) -> list[str]:
    """What does not change from one run to the next."""
    return [line for line in block.splitlines() if not line.startswith("| load")]


def _comparisons(rows: Sequence[Row | Skipped]) -> str:
    made = [each for each in rows if isinstance(each, Row)]
    notes = [f"Not measured: {each.what}, {each.why}.\n" for each in rows if isinstance(each, Skipped)]
    return "\n".join([*([_table(COMPARED, map(_cells, made))] if made else []), *notes])


def _cells(row: Row) -> tuple[str, ...]:
    low, high = map(ratio, row.middle_half)
    times = [amount(each, row.unit) for each in row.times]
    verdict = "" if row.verdict == "info" else row.verdict
    return (row.what, row.ours, row.peer, *times, ratio(row.ratios[1]), f"{low} to {high}", str(row.goal), verdict)


def _goals(held: Mapping[str, str]) -> str:
    """The rows of the blocks that have a verdict."""
    rows = [cells for name, text in held.items() if name not in (MACHINE, GOALS) for cells in _read(text) if cells[-1]]
    return _table(
        SOUGHT, [(goal, what, ours, peer, found, verdict) for what, ours, peer, _, _, found, _, goal, verdict in rows]
    )


def _read(block: str) -> Iterator[list[str]]:
    """The rows of a table, without its heading."""
    lines = [line for line in block.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def _table(
    heading: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]] | map[tuple[str, ...]]
) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

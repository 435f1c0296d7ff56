"""How wide a formula is, roughly, and where it can be broken: TeX breaks no displayed formula by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"\\begin\{\w+\}|\\end\{\w+\}|\\[A-Za-z]+|\\.|.", re.DOTALL)
_OPENS = r" \left("
_BREAKS = (" = ", r" \approx ", r" \in ", " + ", " - ", r" \, ", r" \cdot ", " : ", _OPENS)
_WORDS = {r"\log": 3.0, r"\tanh": 4.5, r"\max": 4.0, r"\min": 4.0, r"\bmod": 5.0, r"\sum": 2.5, r"\operatorname": 0.0}
_NOTHING = {
    r"\left",
    r"\right",
    r"\mathrm",
    r"\mathbf",
    r"\mathbb",
    r"\text",
    r"\tilde",
    r"\bar",
    r"\hat",
    r"\Bigl",
    r"\Bigr",
}


def width(latex: str) -> float:
    """In letters."""
    return _width(_TOKEN.findall(latex))


def _width(tokens: list[str]) -> float:
    total, at = 0.0, 0
    while at < len(tokens):
        token = tokens[at]
        if token == r"\frac":
            over, at = _group(tokens, at + 1)
            under, at = _group(tokens, at)
            total += max(_width(over), _width(under)) + 0.5
            continue
        if token in "^_":
            script, at = _group(tokens, at + 1)
            total += 0.75 * _width(script)
            continue
        if token.startswith(r"\begin"):
            body, at = _environment(tokens, at)
            total += _table(body)
            continue
        total += _of(token)
        at += 1
    return total


def _of(token: str) -> float:
    if token in _NOTHING or token in "{} ":
        return 0.0
    if token in (r"\,", r"\ "):
        return 0.4
    if token in _WORDS:
        return _WORDS[token]
    return 2.0 if token in ("=", "+", "-", ":", r"\approx", r"\in", r"\cdot", r"\odot") else 1.0


def _group(tokens: list[str], at: int) -> tuple[list[str], int]:
    """What stands in braces from there on, or the one token, and where it ends."""
    while at < len(tokens) and tokens[at] == " ":
        at += 1
    if at >= len(tokens) or tokens[at] != "{":
        return tokens[at : at + 1], at + 1
    depth, start = 0, at + 1
    for end in range(at, len(tokens)):
        depth += (tokens[end] == "{") - (tokens[end] == "}")
        if depth == 0:
            return tokens[start:end], end + 1
    return tokens[start:], len(tokens)


def _environment(tokens: list[str], at: int) -> tuple[list[str], int]:
    depth = 0
    for end in range(at, len(tokens)):
        depth += tokens[end].startswith(r"\begin") - tokens[end].startswith(r"\end")
        if depth == 0:
            return tokens[at + 1 : end], end + 1
    return tokens[at + 1 :], len(tokens)


def _table(tokens: list[str]) -> float:
    """Of a matrix or of cases: its columns, each as wide as its widest cell."""
    rows = "".join(tokens).split(r"\\")
    cells = [[width(cell) for cell in row.split("&")] for row in rows]
    columns = max(map(len, cells))
    return sum(max(row[column] if column < len(row) else 0.0 for row in cells) + 1.5 for column in range(columns)) + 1.0


def broken(latex: str, most: float) -> list[str]:
    """The lines that a formula is set in, none wider than that where it can be helped."""
    if width(latex) <= most:
        return [latex]
    lines, line = [], ""
    for piece in _pieces(latex, most):
        if line and width(line + piece) > most:
            lines.append(line)
            line = piece.removeprefix(r" \,").lstrip()
        else:
            line += piece
    return [*lines, line]


def _pieces(latex: str, most: float) -> Iterator[str]:
    """Parts between which a line may end, each with the sign before it. Parentheses that are too wide are opened."""
    for piece in _split(latex):
        opened = _opened(piece) if width(piece) > most and r"\left(" in piece else None
        yield from _pieces(opened, most) if opened is not None else (piece,)


def _split(latex: str) -> Iterator[str]:
    depth = start = at = 0
    while at < len(latex):
        found = _TOKEN.match(latex, at)
        assert found is not None
        sign = next((each for each in _BREAKS if depth == 0 and at > start and latex.startswith(each, at)), None)
        if sign is not None:
            yield latex[start:at]
            start = at
            at += 1 if sign == _OPENS else len(sign)  # what opens is looked at again: it counts for the depth
            continue
        token = found[0]
        depth += token in "{[" or token == r"\left" or token.startswith(r"\begin")
        depth -= token in "}]" or token == r"\right" or token.startswith(r"\end")
        at = found.end()
    yield latex[start:]


def _opened(piece: str) -> str | None:
    """The first pair of parentheses of a fixed size, so that a line may end between them."""
    start = piece.index(r"\left(")
    depth = 0
    for found in re.finditer(r"\\left(?![a-zA-Z])|\\right(?![a-zA-Z])", piece[start:]):
        depth += 1 if found[0] == r"\left" else -1
        if depth == 0:
            end = start + found.start()
            inside = piece[start + len(r"\left(") : end]
            return piece[:start] + r"\Bigl(" + inside + r"\Bigr" + piece[end + len(r"\right") :]
    return None

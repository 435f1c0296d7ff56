"""A class as one HTML page that needs nothing else: no script, no network, every text from outside escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from chainrule_client.class_report.summary import BINS, MOST_IDS, Summary

STATUSES = ("correct", "at_kink", "correct_given_own_work", "wrong", "shape", "nonfinite", "missing")

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Class report</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }}
h2 {{ margin-top: 2.5rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #ddd; }}
td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
.ids {{ color: #555; font-size: .85em; overflow-wrap: anywhere; }}
svg {{ width: 100%; height: auto; }}
svg rect {{ fill: #3b6ea5; }}
svg text {{ font-size: 12px; fill: #333; text-anchor: middle; }}
</style>
</head>
<body>
<h1>Class report</h1>
{body}
</body>
</html>
"""


def as_page(summary: Summary) -> str:
    """The page."""
    parts = [
        f"<p>{summary.total} submissions, {len(summary.shares)} graded. "
        f"Mean {summary.mean:.1%}, median {summary.median:.1%}.</p>",
        "<h2>Scores</h2>",
        _distribution(summary.bins()),
        "<h2>Mistakes</h2>",
        _mistakes(summary),
        "<h2>Quantities</h2>",
        _quantities(summary),
    ]
    if summary.failed:
        rows = [[(_text(id), ""), (_text(why), "")] for id, why in summary.failed]
        parts += ["<h2>Not graded</h2>", _table(["submission", "why"], rows)]
    return _PAGE.format(body="\n".join(parts))


def _distribution(bins: Sequence[int]) -> str:
    """Bars over shares of the points."""
    width, height, most = 60, 160, max([1, *bins])
    drawn = []
    for number, count in enumerate(bins):
        tall = height * count / most
        x = number * width
        drawn.append(f'<rect x="{x + 4}" y="{20 + height - tall:.1f}" width="{width - 8}" height="{tall:.1f}"/>')
        drawn.append(f'<text x="{x + width / 2:g}" y="{14 + height - tall:.1f}">{count}</text>')
        label = f"{100 * number // BINS}–{100 * (number + 1) // BINS} %"
        drawn.append(f'<text x="{x + width / 2:g}" y="{height + 36}">{label}</text>')
    size = f"0 0 {width * len(bins)} {height + 44}"
    return f'<svg viewBox="{size}" role="img" aria-label="distribution of scores">{"".join(drawn)}</svg>'


def _mistakes(summary: Summary) -> str:
    rows = [
        [
            (str(found.count), "number"),
            (_text(found.code), ""),
            (_text(found.at), ""),
            (f'{_text(found.message)}<div class="ids">{_ids(found.ids, found.count)}</div>', ""),
        ]
        for found in summary.mistakes
    ]
    if summary.unexplained:
        count = len(summary.unexplained)
        ids = _ids(summary.unexplained[:MOST_IDS], count)
        rows.append([(str(count), "number"), ("", ""), ("", ""), (f'not explained<div class="ids">{ids}</div>', "")])
    return _table(["submissions", "mistake", "at", ""], rows) if rows else "<p>None was found.</p>"


def _quantities(summary: Summary) -> str:
    shown = [status for status in STATUSES if any(each.statuses[status] for each in summary.quantities)]
    rows = [
        [(_text(each.name), ""), *((str(each.statuses[status]), "number") for status in shown)]
        for each in summary.quantities
    ]
    return _table(["quantity", *(status.replace("_", " ") for status in shown)], rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[tuple[str, str]]]) -> str:
    """Cells are HTML, each with its class."""
    top = "".join(f"<th>{_text(head)}</th>" for head in heads)
    body = "\n".join(f"<tr>{''.join(_cell(*cell) for cell in row)}</tr>" for row in rows)
    return f"<table>\n<tr>{top}</tr>\n{body}\n</table>"


def _cell(content: str, kind: str) -> str:
    return f'<td class="{kind}">{content}</td>' if kind else f"<td>{content}</td>"


def _ids(ids: Sequence[Any], count: int) -> str:
    more = f" and {count - len(ids)} more" if count > len(ids) else ""
    return ", ".join(map(_text, ids)) + more


def _text(value: Any) -> str:
    return escape(str(value))

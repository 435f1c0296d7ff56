"""Cutting a body the way an earlier one was cut.

Most callers send one structure over and over. Where a body has the same text around its tensors as an earlier one,
comparing that text is enough to find them, six times as fast as `split` for a request of a few kilobytes:

    {"inputs": [[1, 2]], "loss": "mse"}
    {"inputs": [[3, 4], [5, 6]], "loss": "mse"}

A span found so holds no quote, but may be anything else. If it is an array of numbers, the cut is the one that `split`
makes, since around it stands what stood around an array before. If it is none, `split` has to say what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.schemas.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the spans of a body with this skeleton are."""

    skeleton: bytes
    before: bytes
    """The text before the first span."""
    after: tuple[tuple[bytes, int], ...]
    """The text after each span, up to the next, and how many bytes of it precede its first quote; -1 for no quote."""

    @classmethod
    def of(cls, envelope: Envelope) -> Cut | None:
        """How such a body is cut, where quotes alone tell its spans from the rest."""
        before, *texts = _around(envelope) or (b"",)
        after = tuple((text, text.find(b'"')) for text in texts)
        if not after or any(quote < 0 for _, quote in after[:-1]):
            return None
        return cls(envelope.skeleton, before, after)

    def apply(self, body: bytes) -> Envelope | None:
        """The body cut, if the text around its spans is the same."""
        if not body.startswith(self.before):
            return None
        spans: list[bytes] = []
        start = len(self.before)
        for text, quote in self.after:
            found = body.find(b'"', start)
            end = found - quote if quote >= 0 else len(body) - len(text)
            if end <= start or (found < 0) != (quote < 0) or not body.startswith(text, end):
                return None
            spans.append(body[start:end])
            start = end + len(text)
        return Envelope(self.skeleton, tuple(spans)) if start == len(body) else None


def _around(envelope: Envelope) -> list[bytes] | None:
    """The text around the placeholders; None where a string looks like one."""
    texts = [envelope.skeleton]
    for index in range(len(envelope.spans)):
        parts = texts[-1].split(b"[%d]" % index)
        if len(parts) != 2:
            return None
        texts[-1:] = parts
    return texts

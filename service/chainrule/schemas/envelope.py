"""Splits a JSON request into its structure and the raw text of its tensors.

A request is mostly numbers, and requests that differ only in their numbers have the same plan. So the body
is cut, before any number is parsed, into a *skeleton* and *spans*:

    {"inputs": [[1, 2]], "loss": {"op": "squared_error", "scale": 3}}

    skeleton   {"inputs":[0], "loss": {"op": "squared_error", "scale": 3}}
    spans      (b" [[1, 2]]",)

A span is an array that holds neither strings nor objects, as long as it is not part of a longer one. In the
skeleton the k-th span is written `[k]`. No client can write such a placeholder: its `[k]` would itself be a
span. The skeleton therefore depends on a request's structure alone and serves as a cache key.

Splitting trusts nothing. Where a body is not JSON, either the skeleton is not JSON or one of the spans is
not, since putting arrays where the skeleton has arrays makes JSON of JSON: whoever loads the skeleton and
decodes every span has refused every malformed body.
"""

import re
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias

import orjson
from numpy.typing import NDArray
from typing_extensions import TypeVar

MAX_SKELETON = 1 << 20
"""Most bytes a request may have outside its tensors."""

MAX_DEPTH = 64
"""Most objects and arrays that may enclose a value outside the tensors."""

MAX_RANK = 8
"""Most axes a tensor may have."""

_SHORT = 4096
"""Bodies up to this many bytes are split by one regular expression, longer ones by memchr."""

_WORDS = (b"NaN", b"Infinity", b"-Infinity")
"""What is not finite, as replies and answers write it: in strings."""

NOT_JSON = "; NaN and Infinity are not JSON: where one is an answer, write it in quotes"
"""Said of them where they stand bare, as Python's `json` writes them."""

_LEAST = len("[0],")
"""Fewest bytes that a span leaves in the skeleton, so that a hopeless body is given up early."""


Span: TypeAlias = bytes | NDArray[Any]
"""A tensor as it came: the text of an array, or numbers where the body was no text."""

S = TypeVar("S", bound=Span, covariant=True, default=bytes)


class MalformedBody(ValueError):
    """The body is not JSON, not an object, or nested or long beyond what a request needs.

    The message says where, in bytes from the start of the body, and never quotes the body.
    """


@dataclass(frozen=True, slots=True)
class Envelope(Generic[S]):
    """`skeleton` with every `[k]` replaced by `spans[k]` is the body, byte for byte where it is text."""

    skeleton: bytes
    spans: tuple[S, ...]

    def text(self, index: int) -> bytes:
        """The text of a span; none of one that came as numbers, which no list of a structure does."""
        span = self.spans[index]
        return span if isinstance(span, bytes) else b""


@dataclass(frozen=True, slots=True)
class TensorRef:
    """Stands for `Envelope.spans[index]` in a loaded skeleton."""

    index: int


def _span_pattern() -> bytes:
    """Brackets that balance, to MAX_RANK levels. Possessive throughout, so nothing is tried twice."""
    text = rb'[^\[\]{}"]*+'
    inside = text
    for _ in range(MAX_RANK - 1):
        inside = text + rb"(?:\[" + inside + rb"\]" + text + rb")*+"
    return rb"\[" + inside + rb"\]"


_SPAN = re.compile(_span_pattern())
# A quote after a word character closes a string: an opening one follows punctuation, an escaped one a
# backslash. So this finds the arrays that are members of objects without reading the strings in between.
_MEMBER = re.compile(rb'"(?<=\w"):(\s*+' + _span_pattern() + rb")")
_LEAF = re.compile(rb'\[[^\[\]{}"]*+\]')
_COLON = re.compile(rb"\s*+:")
_HIDDEN_KEY = re.compile(rb"\x02(-?[A-Za-z]++)\x02(?=\s*+:)")
_STRING_OR_PLACEHOLDER = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|(\[\d++\])', re.DOTALL)
# A match takes five bytes of the body at least, the word character among them.
_MEMBERS = [b'":[%d]' % k for k in range(_SHORT // 5 + 1)]


def split(body: bytes, *, words: bool = False) -> Envelope:
    """Cuts a request into skeleton and spans, in time linear in its length and without parsing a number.

    With `words` the strings "NaN", "Infinity" and "-Infinity" count as numbers: a span may hold them.
    Raises MalformedBody where the body has a string that does not end, or over MAX_SKELETON bytes outside
    its tensors. Other faults show in `load`, and in decoding the spans.
    """
    if words and any(b'"%b"' % word in body for word in _WORDS):
        return _split_with_words(body)
    if len(body) <= _SHORT:
        pieces = _MEMBER.split(body)
        if _LEAF.search(b'"'.join(pieces[::2])) is None:
            spans = tuple(pieces[1::2])
            pieces[1::2] = _MEMBERS[: len(spans)]
            return Envelope(b"".join(pieces), spans)
    if b"\\" not in body:
        return _split_at_quotes(body)
    return _split_with_escapes(body)


def _split_with_escapes(body: bytes) -> Envelope:
    hidden = _split_at_quotes(_hide_escapes(body))
    return Envelope(_show_escapes(hidden.skeleton), hidden.spans)


def _hide_escapes(body: bytes) -> bytes:
    # NUL is nowhere allowed in JSON, so pairs that begin with it can stand for the two escapes that
    # concern the end of a string.
    if b"\0" in body:
        raise MalformedBody(f"the body has a NUL byte, at byte {body.index(0)}")
    return body.replace(b"\\\\", b"\0\0").replace(b'\\"', b"\0\1")


def _show_escapes(text: bytes) -> bytes:
    return text.replace(b"\0\0", b"\\\\").replace(b"\0\1", b'\\"')


def _split_with_words(body: bytes) -> Envelope:
    # Nor is \2 allowed anywhere: it can stand for the quotes around a word that is not a key.
    if b"\2" in body:
        raise MalformedBody(f"the body has a control character, at byte {body.index(2)}")
    hidden = _hide_escapes(body)
    for word in _WORDS:
        hidden = hidden.replace(b'"%b"' % word, b"\2%b\2" % word)
    found = _split_at_quotes(_HIDDEN_KEY.sub(rb'"\1"', hidden))
    skeleton = found.skeleton.replace(b"\2", b'"')
    spans = tuple([span.replace(b"\2", b'"') for span in found.spans])
    return Envelope(_show_escapes(skeleton), spans)


def _split_at_quotes(body: bytes) -> Envelope:
    """Splits a body in which every quote begins or ends a string."""
    parts = _between_quotes(body)
    spans: list[bytes] = []
    for i in range(0, len(parts), 2):
        part = parts[i]
        if part.rfind(b"]") > part.find(b"[") >= 0:
            following = parts[i + 2] if i + 2 < len(parts) else b""
            parts[i] = _lift(part, following, spans)
            _check_length(_LEAST * len(spans))
    skeleton = b'"'.join(parts)
    _check_length(len(skeleton))
    return Envelope(skeleton, tuple(spans))


def _between_quotes(body: bytes) -> list[bytes]:
    parts = body.split(b'"') if len(body) <= MAX_SKELETON else _between_far_quotes(body)
    if len(parts) % 2 == 0:
        raise MalformedBody(f"the body ends inside a string, which begins at byte {len(body) - len(parts[-1]) - 1}")
    return parts


def _between_far_quotes(body: bytes) -> list[bytes]:
    """`body.split(b'"')` by memchr, five times as fast where most of the body is one tensor."""
    parts: list[bytes] = []
    start = 0
    while (quote := body.find(b'"', start)) >= 0:
        parts.append(body[start:quote])
        start = quote + 1
        _check_length(len(parts))
    parts.append(body[start:])
    return parts


def _lift(part: bytes, following: bytes, spans: list[bytes]) -> bytes:
    """Moves the arrays of `part` to `spans` and returns what remains.

    `part` is text between two strings, `following` the text after the second of them.
    """
    first = part.find(b"[")
    is_member = part[:first].strip() == b":"
    value = part.find(b":") + 1 if is_member else first
    if is_member and (end := _member_end(part, following)):
        spans.append(part[value:end])
        return part[:value] + b"[%d]" % (len(spans) - 1) + part[end:]
    if part.count(b"[") > MAX_SKELETON:
        _check_length(MAX_SKELETON + 1)
    remains: list[bytes] = []
    done = 0
    for match in _SPAN.finditer(part):
        start = value if match.start() == first else match.start()
        remains += part[done:start], b"[%d]" % len(spans)
        done = match.end()
        spans.append(part[start:done])
        _check_length(_LEAST * len(spans))
    return b"".join((*remains, part[done:]))


def _member_end(part: bytes, following: bytes) -> int:
    """Where the array ends if `part` is `: [array]` and then the next key or `}`, else 0.

    Both ends are certain without counting brackets, which would take longer than the rest of the split.
    """
    opened, closed = part.find(b"{"), part.find(b"}")
    if closed < 0:
        return part.rfind(b"]") + 1 if opened < 0 and _COLON.match(following) else 0
    if 0 <= opened < closed or part.find(b"[", closed) >= 0:
        return 0
    return part.rfind(b"]", 0, closed) + 1


def _check_length(skeleton: int) -> None:
    if skeleton > MAX_SKELETON:
        raise MalformedBody(f"the body has more than {MAX_SKELETON} bytes that belong to no tensor")


def load(envelope: Envelope[Span]) -> dict[str, object]:
    """Parses the skeleton, with a TensorRef where it has a placeholder.

    Raises MalformedBody where it is not JSON, is not an object, is nested more than MAX_DEPTH deep, or gives
    a key twice and so would drop or swap tensors. Of a key given twice whose values hold no tensor, the last
    one counts.
    """
    document = parse_skeleton(envelope)
    found: list[int] = []
    loaded: dict[str, object] = with_refs(document, found)
    if sorted(found) != list(range(len(envelope.spans))):
        raise MalformedBody("an object of the body has the same key twice")
    return loaded


def parse_skeleton(envelope: Envelope[Span]) -> dict[str, Any]:
    """Parses the skeleton, placeholders left as they are. Raises MalformedBody where it is no JSON object."""
    try:
        document: Any = orjson.loads(envelope.skeleton)
    except orjson.JSONDecodeError as error:
        where = f", at byte {_position(error, envelope)}" if error.doc else ""
        hint = NOT_JSON if error.doc.startswith(("NaN", "Infinity"), error.pos) else ""
        raise MalformedBody(f"the body is not JSON: {error.msg}{where}{hint}") from None
    if not isinstance(document, dict):
        raise MalformedBody("the body is JSON but not an object; a request is an object: {…}")
    return document


def with_refs(value: Any, found: list[int], depth: int = MAX_DEPTH) -> Any:
    """A parsed tree with a TensorRef for each placeholder, whose numbers are added to `found`."""
    kind = type(value)
    if kind is not dict and kind is not list:
        return value
    if depth == 0:
        raise MalformedBody(f"the body is nested more than {MAX_DEPTH} deep")
    if kind is dict:
        return {key: with_refs(item, found, depth - 1) for key, item in value.items()}
    if len(value) == 1 and type(value[0]) is int:
        found.append(value[0])
        return TensorRef(value[0])
    return [with_refs(item, found, depth - 1) for item in value]


def _position(error: orjson.JSONDecodeError, envelope: Envelope[Span]) -> int:
    """The byte of the body that an error in the skeleton is about."""
    before = error.doc[: error.pos].encode()
    placeholders = (match[1] for match in _STRING_OR_PLACEHOLDER.finditer(before) if match[1])
    return len(before) + sum(len(span) - len(k) for k, span in zip(placeholders, envelope.spans, strict=False))

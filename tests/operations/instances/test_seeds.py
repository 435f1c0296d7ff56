"""Seeds: a keyed hash by its documented recipe, pinned, and telling every two identities apart."""

from __future__ import annotations

import hashlib
import hmac
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.operations.instances.seeds import seed_for, stream_key

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
IDENTITY = st.tuples(TEXT, TEXT, TEXT, st.integers(0, 1000))


def by_hand(secret: str, *parts: str) -> int:
    message = b""
    for part in ("chainrule seed 1", *parts):
        message += struct.pack(">I", len(part.encode())) + part.encode()
    digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return int(digest[:16], 16) // 2**11


def test_seeds_never_change() -> None:
    assert seed_for("top secret", "hw1", "1.2b", "ann", 0) == 7644415665899504
    assert seed_for("top secret", "hw1", "1.2b", "ann", 1) == 7152240226222332


@given(TEXT.filter(bool), IDENTITY)
def test_seeds_follow_the_documented_recipe(secret: str, identity: tuple[str, str, str, int]) -> None:
    *names, revision = identity
    found = seed_for(secret, *names, revision)
    assert found == by_hand(secret, *names, str(revision)) == seed_for(secret.encode(), *names, str(revision))
    assert 0 <= found < 2**53


@given(IDENTITY, IDENTITY)
def test_other_identities_have_other_seeds(one: tuple[str, str, str, int], other: tuple[str, str, str, int]) -> None:
    assert (seed_for("secret", *one) == seed_for("secret", *other)) == (one == other)


def test_what_ends_a_name_is_not_taken_for_the_next() -> None:
    seeds = {seed_for("s", "hw", "12", "a"), seed_for("s", "hw1", "2", "a"), seed_for("s", "hw1", "2a", "")}
    assert len(seeds) == 3


def test_other_secrets_give_other_seeds_and_none_gives_none() -> None:
    assert seed_for("one", "a", "q", "s") != seed_for("other", "a", "q", "s")
    for empty in ("", b""):
        with pytest.raises(ValueError, match="secret is empty"):
            seed_for(empty, "a", "q", "s")


def test_every_place_and_attempt_has_a_stream_of_its_own() -> None:
    keys = {stream_key(seed, attempt, place) for seed in (0, 1, 11) for attempt in (0, 1) for place in ("", "/x", "/1")}
    assert len(keys) == 18
    assert stream_key(7, 0, "/inputs") == 331495771160724327314700480954502694712
